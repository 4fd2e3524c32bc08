// How fast output goes through the shim when the guest's side is not the limit: the agent's client and
// the FIFO writer of the daemon, between an agent that always has bytes (a process of its own) and `cat`.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { agentProcess, largeReadBytes } from "../../../src/agent/process-streams.ts";
import { openStdio } from "../../../src/host/fifos.ts";
import { AgentService } from "../../../src/wire/gen/kata/agent.ts";
import { TtrpcClient } from "../../../src/wire/ttrpc/client.ts";
import { repository } from "../tools.ts";
import { type Run, report } from "./samples.ts";

const TOTAL_MIB = 256;

export async function benchStdout(folder: string, rounds: number): Promise<Run[]> {
  const socketPath = join(folder, "fast-agent.sock");
  const script = join(repository, "test/lab/bench/fast-agent.ts");
  const agent = spawn(process.execPath, ["--import", "tsx", script, socketPath], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(agent.stdout, "data");
    const samples: number[] = [];
    for (let round = 0; round < Math.min(rounds, 5); round += 1) samples.push(await oneRun(folder, socketPath, round));
    return [report({ name: "stdout through the shim, fast peer", unit: "MB/s", samples })];
  } finally {
    agent.kill("SIGKILL");
  }
}

async function oneRun(folder: string, socketPath: string, round: number): Promise<number> {
  const fifo = join(folder, `out-${round}`);
  execFileSync("mkfifo", [fifo]);
  const reader: ChildProcess = spawn("cat", [fifo], { stdio: ["ignore", openSync("/dev/null", "w"), "ignore"] });
  const exited = once(reader, "exit");
  await using client = new TtrpcClient(await dial(socketPath), { peer: "fast agent" });
  const paths = { stdin: "", stdout: fifo, stderr: "", terminal: false };
  await using stdio = await openStdio(paths, { containerId: "bench", containerdNamespace: "bench" });
  const guest = agentProcess(client.service(AgentService), {
    containerId: "bench",
    execId: "",
    readBytes: largeReadBytes,
  });
  const began = performance.now();
  let bytes = 0;
  while (bytes < TOTAL_MIB * 2 ** 20) {
    const chunk = await guest.readStdout();
    bytes += chunk.length;
    await stdio.stdout?.write(chunk);
  }
  const seconds = (performance.now() - began) / 1000;
  await stdio.close();
  await exited;
  return bytes / 1e6 / seconds;
}

async function dial(path: string) {
  const socket = createConnection(path);
  await Promise.race([once(socket, "connect"), pause(5000, undefined, { ref: false })]);
  return socket;
}
