// Memory of shim daemons, read in the lab's own process namespace; and the comparison of a daemon that
// lives through a whole suite with what it held when its pod was the first.

import { Cri, type Pod } from "../support/cri.ts";
import { mustSucceed } from "./command.ts";
import type { Lab } from "./start-lab.ts";

/** Process id, in the lab, of the daemon that serves a pod. */
export async function daemonPid(lab: Lab, pod: Pod): Promise<string> {
  const { stdout } = await mustSucceed(lab.exec(["pgrep", "-o", "-f", "--", `-id ${pod.id}`]));
  return stdout.toString("utf8").trim();
}

/** MiB of one kind in /proc/PID/smaps_rollup of a process of the lab. */
export async function memoryOf(lab: Lab, pid: string, kind: "Rss" | "Pss"): Promise<number> {
  const { stdout } = await mustSucceed(lab.exec(["cat", `/proc/${pid}/smaps_rollup`]));
  return Number(new RegExp(`^${kind}:\\s+(\\d+)`, "m").exec(stdout.toString("utf8"))?.[1]) / 1024;
}

/** How much a daemon may have grown over a suite. */
const GROWTH_LIMIT = 1.2;

export interface MemoryGrowth {
  readonly firstMiB: number;
  /** the same daemon, after the suite */
  readonly laterMiB: number;
  readonly ratio: number;
  readonly withinLimit: boolean;
}

/** Keeps one pod with one container from before a suite until after it, used at both ends alike. */
export class FirstPod {
  readonly #cri: Cri;
  readonly #pod: Pod;
  readonly #container: string;
  readonly #firstMiB: number;

  private constructor(held: { cri: Cri; pod: Pod; container: string; firstMiB: number }) {
    this.#cri = held.cri;
    this.#pod = held.pod;
    this.#container = held.container;
    this.#firstMiB = held.firstMiB;
  }

  static async run(lab: Lab, handler: string): Promise<FirstPod> {
    const cri = new Cri(lab, handler);
    const pod = await cri.runPod();
    // it costs nothing while the suite runs
    const container = await cri.start(pod, { command: ["sleep", "1000000"] });
    await cri.exec(container, ["true"]);
    const firstMiB = await memoryOf(lab, await daemonPid(lab, pod), "Rss");
    return new FirstPod({ cri, pod, container, firstMiB });
  }

  async end(): Promise<MemoryGrowth> {
    const { lab } = this.#cri;
    await this.#cri.exec(this.#container, ["true"]);
    const laterMiB = await memoryOf(lab, await daemonPid(lab, this.#pod), "Rss");
    await this.#cri.removePod(this.#pod);
    const ratio = laterMiB / this.#firstMiB;
    return { firstMiB: this.#firstMiB, laterMiB, ratio, withinLimit: ratio <= GROWTH_LIMIT };
  }
}
