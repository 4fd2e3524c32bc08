// Which state may follow which. Exits are facts: any running state may become stopped.
import type { TransitionTable } from "../lib/lifecycle.ts";

export type PodState = "created" | "booting" | "ready" | "stopping" | "stopped";
export const podTable: TransitionTable<PodState> = {
  created: ["booting", "stopping", "stopped"],
  booting: ["ready", "stopping", "stopped"],
  ready: ["stopping", "stopped"],
  stopping: ["stopped"],
  stopped: [],
};

/** `starting` is between the request and the guest's answer: an exit may not be told before the start. */
export type ProcessState = "created" | "starting" | "running" | "paused" | "stopped" | "deleted";
export const processTable: TransitionTable<ProcessState> = {
  created: ["starting", "stopped", "deleted"],
  starting: ["running", "stopped"],
  running: ["paused", "stopped"],
  paused: ["running", "stopped"],
  stopped: ["deleted"],
  deleted: [],
};
