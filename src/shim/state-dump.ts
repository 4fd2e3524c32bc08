// SIGUSR1: what the daemon holds and waits for, as log lines. The first thing to ask of one that
// seems stuck.
import type { ServerConnection } from "../wire/ttrpc/server.ts";
import type { PodTable } from "./pod-table.ts";

export function renderStateDump(pods: PodTable, connections: readonly ServerConnection[]): readonly string[] {
  const lines = pods.pods.flatMap((pod) => [
    `pod ${pod.id} is ${pod.lifecycle.state}, pid ${pod.pid}`,
    ...pod.containerIds.flatMap((id) => {
      const container = pod.container(id);
      return ["", ...container.execIds].map(
        (execId) => `  ${id}${execId === "" ? "" : ` exec ${execId}`} is ${container.process(execId).lifecycle.state}`,
      );
    }),
  ]);
  const calls = connections.flatMap((connection) => connection.activeCalls.map((call) => `  waiting: ${call.method}`));
  const resources = process.getActiveResourcesInfo();
  return [...lines, `${connections.length} connections`, ...calls, `open resources: ${resources.join(" ")}`];
}
