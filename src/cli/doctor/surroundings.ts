// What surrounds the runtime: containerd's registration, room, leftovers, and what would make a launch
// hang: time limits that do not fit together, too little memory.
import { readFile, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { RuntimeConfig } from "../../config/schema.ts";
import { findProcesses } from "../../host/process.ts";
import { runRoot } from "../../host/run-dir.ts";
import { listPods } from "../pod-directory.ts";
import { attempt, type Check, fail, ok, warn } from "./check.ts";
import { exists } from "./programs.ts";
import { checkRegistration, type Places } from "./registration.ts";

const mebibyte = 2 ** 20;
/** the kubelet's --runtime-request-timeout */
const kubeletLimitS = 120;

export async function checkSurroundings(config: RuntimeConfig, places: Places): Promise<readonly Check[]> {
  const checks = [
    checkRegistration(places),
    checkRoom("room for run state", runRoot, 64),
    checkRoom("room for layers", config.paths.layers, 2048),
    checkMemory(config),
    checkTimeouts(config),
    checkLeftovers(),
    checkRoot(),
  ];
  return (await Promise.all(checks)).flat();
}

async function checkRoom(name: string, path: string, wantedMiB: number): Promise<readonly Check[]> {
  const there = await nearestExisting(path);
  const sight = { name, origin: `statfs ${there}` };
  return await attempt(sight, async () => {
    const { bavail, bsize, type } = await statfs(there);
    const freeMiB = Math.floor((bavail * bsize) / mebibyte);
    // no blocks at all: a file system without a limit of its own
    if (freeMiB >= wantedMiB || (bavail === 0 && type === 0)) return ok(sight, `${freeMiB} MiB free`);
    return fail(sight, `${freeMiB} MiB free, ${wantedMiB} are wanted`, `free some in the file system of ${there}`);
  });
}

async function nearestExisting(path: string): Promise<string> {
  let at = path;
  while (at !== "/" && !(await exists(at))) at = dirname(at);
  return at;
}

async function checkMemory({ vm }: RuntimeConfig): Promise<readonly Check[]> {
  const sight = { name: "memory", origin: "/proc/meminfo" };
  const text = await readFile("/proc/meminfo", "utf8").catch(() => "");
  const available = Math.floor(Number(/^MemAvailable:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1024);
  const found = `${available} MiB available, a pod without limits gets ${vm.defaultMemory}`;
  if (available >= vm.defaultMemory) return [ok(sight, found)];
  return [warn(sight, found, "lower vm.default_memory, or end something: the kernel may kill QEMU")];
}

async function checkTimeouts({ agent }: RuntimeConfig): Promise<readonly Check[]> {
  const sight = { name: "time limits", origin: "agent.boot_timeout, agent.create_container_timeout" };
  const found = `${agent.bootTimeout} s to boot, ${agent.createContainerTimeout} s to create a container`;
  if (agent.bootTimeout < kubeletLimitS && agent.createContainerTimeout < kubeletLimitS) return [ok(sight, found)];
  const fix = `raise the kubelet's --runtime-request-timeout above them (default ${kubeletLimitS} s), or it gives up first and tries again`;
  return [warn(sight, found, fix)];
}

/** Pods without a daemon, and processes that no ledger names. */
async function checkLeftovers(): Promise<readonly Check[]> {
  const sight = { name: "leftovers", origin: `${runRoot}/pods` };
  return await attempt(sight, async () => {
    const processes = await findProcesses(`${runRoot}/pods/`);
    const pods = await listPods();
    const dead = pods.filter((pod) => !pod.alive);
    if (dead.length > 0) {
      const ids = dead.map(({ record }) => record.podId).join(", ");
      return warn(sight, `pods without a living daemon: ${ids}`, "run `kata-cvm reap`");
    }
    const owned = (await Promise.all(pods.map(({ runDir }) => findProcesses(runDir)))).flat();
    const stray = processes.filter(({ pid }) => !owned.some((other) => other.pid === pid));
    if (stray.length === 0) return ok(sight, `none; ${pods.length} pods run`);
    const pids = stray.map(({ pid }) => pid).join(", ");
    return warn(sight, `processes of no known pod: ${pids}`, "look at them; end those that are QEMU or its helpers");
  });
}

async function checkRoot(): Promise<readonly Check[]> {
  const sight = { name: "privileges", origin: "geteuid" };
  if (process.geteuid?.() === 0) return [ok(sight, "root")];
  return [
    warn(
      sight,
      `user ${process.geteuid?.()}`,
      "run as root: some of what is above could not be seen, and no pod can be started",
    ),
  ];
}
