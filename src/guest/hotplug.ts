// CPUs and memory that the host added while the guest runs. The kernel announces them; nothing uses them
// before somebody brings them online, and without udev that is the agent, when the host says so.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pause } from "../lib/deadline.ts";
import { errnoOf, Unsupported } from "../lib/errors.ts";
import type { OnlineCPUMemRequest } from "../wire/gen/kata/agent.ts";
import { isConfidential, type Run, runBounded } from "./confidential.ts";
import { AgentFailure } from "./status.ts";

const SYSTEM = "/sys/devices/system";
const VIRTIO_DEVICES = "/sys/bus/virtio/devices";
/** Memory device, vendor any (virtio 1.2, section 5), as the kernel spells it. */
const MEMORY_DEVICE = /^virtio:d00000018v/;
const ONLINE_TRIES = 100;
const ONLINE_PAUSE_MS = 50;

/** On the first use: pods that never grow do not wait for it. In a confidential guest the host adds nothing. */
export async function loadMemoryDriver(devices = VIRTIO_DEVICES, run: Run = runBounded): Promise<void> {
  if (!namesIn(devices).some((name) => isUndrivenMemory(join(devices, name)))) return;
  if (await isConfidential(run)) throw new Unsupported("adding memory", "the guest is confidential");
  await run("modprobe", ["--", "virtio_mem"]);
}

function isUndrivenMemory(device: string): boolean {
  if (existsSync(join(device, "driver")) || !existsSync(join(device, "modalias"))) return false;
  return MEMORY_DEVICE.test(readFileSync(join(device, "modalias"), "utf8"));
}

/** Waits until `nb_cpus` CPUs came online; then memory, unless only CPUs are meant (agent-protocol §4.10). */
export async function bringOnline(
  request: Pick<OnlineCPUMemRequest, "nb_cpus" | "cpu_only">,
  { system = SYSTEM, tries = ONLINE_TRIES } = {},
): Promise<void> {
  let missing = request.nb_cpus;
  for (let attempt = 0; missing > 0; attempt += 1) {
    missing -= onlineAll(join(system, "cpu"), /^cpu\d+$/);
    if (missing <= 0) break;
    if (attempt === tries) throw new AgentFailure("internal", `${missing} CPUs did not appear`);
    await pause(ONLINE_PAUSE_MS);
  }
  if (!request.cpu_only) onlineAll(join(system, "memory"), /^memory\d+$/);
}

/** How many were brought online. */
function onlineAll(directory: string, name: RegExp): number {
  let count = 0;
  for (const entry of namesIn(directory)) {
    if (name.test(entry) && setOnline(join(directory, entry, "online"))) count += 1;
  }
  return count;
}

/** False when it was online, has no such switch (the first CPU), or went away meanwhile. */
function setOnline(file: string): boolean {
  try {
    if (!existsSync(file) || readFileSync(file, "utf8").trim() !== "0") return false;
    writeFileSync(file, "1");
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENODEV") return false;
    throw error;
  }
}

function namesIn(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
