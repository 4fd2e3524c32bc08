// `kata-cvm pods`: every pod that has a ledger on this machine, whatever the state of its daemon.
import { defineCommand } from "./command.ts";
import { listPods } from "./pod-directory.ts";
import { renderTable } from "./table.ts";

export const podsCommand = defineCommand({
  command: "pods",
  describe: "list the pods of this machine",
  options: {},
  run: async () => {
    const pods = (await listPods()).map(({ record, runDir, alive }) => ({
      id: record.podId,
      namespace: record.namespace,
      state: alive ? "running" : "dead",
      shimPid: record.shim.pid,
      createdAt: new Date(record.createdAt).toISOString(),
      runDir,
      size: record.size ?? null,
      owned: record.owned.length,
    }));
    const rows = pods.map((pod) => [
      pod.id.slice(0, 13),
      pod.namespace,
      pod.state,
      String(pod.shimPid),
      pod.createdAt,
      pod.size === null ? "" : `${pod.size.vcpus} CPUs, ${pod.size.memoryMiB} MiB`,
      String(pod.owned),
    ]);
    const text = renderTable(["POD", "NAMESPACE", "STATE", "SHIM PID", "CREATED", "SIZE", "OWNED"], rows);
    return { json: { pods }, text, exitCode: 0 };
  },
});
