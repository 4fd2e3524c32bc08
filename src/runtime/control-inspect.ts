// A pod's state as one document: what the daemon knows, what it launched, and how long it took.
import type { LaunchPlan } from "../plan/launch-plan.ts";
import { readLedger } from "../pod/ledger.ts";
import type { Pod } from "../pod/pod.ts";
import type { ControlledPod } from "./controlled-pod.ts";

export function inspectPod({ pod, host }: ControlledPod) {
  const vm = host.launched?.vm;
  return {
    podId: pod.id,
    state: pod.lifecycle.state,
    shimPid: process.pid,
    vmPid: pod.pid,
    runDir: host.runDir,
    ...(vm === undefined ? {} : { size: vm.size, launch: describeLaunch(vm.plan) }),
    agent: host.launched === null ? null : { version: host.launched.agent.version },
    timeline: host.timeline.marks,
    containers: pod.containerIds.map((id) => describeContainer(pod, id)),
    owned: readLedger(host.runDir)?.owned ?? [],
  };
}

function describeLaunch(plan: LaunchPlan) {
  const { accelerator, cpu, memory, tee, image, cmdline, vsock, initdata } = plan;
  const { class: launchClass } = plan;
  return {
    class: launchClass,
    accelerator,
    cpu,
    memory,
    tee: tee.kind,
    image,
    cmdline,
    vsock,
    initdata: initdata ?? null,
  };
}

function describeContainer(pod: Pod, id: string) {
  const container = pod.container(id);
  const { bundle, role } = container.facts;
  const describe = (execId: string) => {
    const process = container.process(execId);
    return { state: process.lifecycle.state, exit: process.exit };
  };
  return {
    id,
    role,
    bundle,
    ...describe(""),
    execs: container.execIds.map((execId) => ({ id: execId, ...describe(execId) })),
  };
}
