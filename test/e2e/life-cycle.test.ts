// README promise: pods and containers go through their whole life by crictl, and nothing of them
// stays on the host.
import assert from "node:assert/strict";
import { mustSucceed } from "../lab/command.ts";
import { deadline } from "../lab/patience.ts";
import type { Pod } from "../support/cri.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, type E2e, HANDLER, usePods } from "../support/e2e.ts";

interface PodStatus {
  readonly status: {
    readonly state: string;
    readonly network: { readonly ip: string };
    readonly runtimeHandler?: string;
  };
  /** where containerd before 2.x tells the handler */
  readonly info: { readonly runtimeHandler?: string };
}

async function podStatus(e2e: E2e, id: string): Promise<PodStatus> {
  return JSON.parse(await e2e.cri.text(["inspectp", id])) as PodStatus;
}

describe("A pod's life", function () {
  this.timeout(60_000);
  this.bail(true);
  const e2e = usePods();
  let pod: Pod;
  let container: string;

  it("runp boots a pod that pods and inspectp show as ready, with an address", async function () {
    this.timeout(BOOT_LIMIT_MS);
    pod = await e2e.cri.runPod();
    const { status, info } = await podStatus(e2e, pod.id);
    assert.equal(status.state, "SANDBOX_READY");
    assert.match(status.network.ip, /^10\.88\.\d+\.\d+$/);
    assert.equal(info.runtimeHandler ?? status.runtimeHandler, HANDLER);
    assert.deepEqual((await e2e.cri.text(["pods", "-q", "--no-trunc", "--state", "Ready"])).split("\n"), [pod.id]);
  });

  it("create makes a container that has not started", async () => {
    container = await e2e.cri.create(pod, { command: ["sh", "-c", "echo hello; echo oops >&2; exec sleep 1000"] });
    assert.equal((await e2e.cri.status(container)).state, "CONTAINER_CREATED");
  });

  it("start runs it, and ps and inspect show it as running", async () => {
    await mustSucceed(e2e.cri.crictl(["start", container]));
    const { state, pid } = await e2e.cri.status(container);
    assert.equal(state, "CONTAINER_RUNNING");
    assert.ok(pid > 0, `pid ${pid}`);
    assert.deepEqual((await e2e.cri.text(["ps", "-q", "--no-trunc", "--pod", pod.id])).split("\n"), [container]);
  });

  it("logs gives its stdout and stderr apart", async () => {
    // the lines are on their way through the guest when `start` returns
    const read = async () => await mustSucceed(e2e.cri.crictl(["logs", container]));
    let outcome = await read();
    for (const end = deadline(15_000); Date.now() < end; outcome = await read()) {
      if (outcome.stdout.length > 0 && outcome.stderr.length > 0) break;
    }
    assert.equal(outcome.stdout.toString("utf8"), "hello\n");
    assert.equal(outcome.stderr, "oops\n");
  });

  it("stop ends a process that ignores SIGTERM after the grace period, with 137", async () => {
    const stubborn = await e2e.cri.start(pod, { command: ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"] });
    // by then the shell has set its trap
    await e2e.cri.exec(stubborn, ["true"]);
    await mustSucceed(e2e.cri.crictl(["stop", "-t", "1", stubborn]));
    assert.equal((await e2e.cri.exited(stubborn)).exitCode, 137);
    await mustSucceed(e2e.cri.crictl(["rm", stubborn]));
  });

  it("stop lets a process that heeds SIGTERM end by itself", async () => {
    const polite = await e2e.cri.start(pod, {
      command: ["sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.1; done"],
    });
    await e2e.cri.exec(polite, ["true"]);
    await mustSucceed(e2e.cri.crictl(["stop", "-t", "20", polite]));
    assert.equal((await e2e.cri.exited(polite)).exitCode, 5);
  });

  it("rm removes a stopped container, and a running one when forced", async () => {
    await mustSucceed(e2e.cri.crictl(["rm", "-f", container], { timeoutMs: 60_000 }));
    const ids = await e2e.cri.text(["ps", "-a", "-q", "--no-trunc", "--pod", pod.id]);
    assert.ok(!ids.includes(container), ids);
  });

  it("stopp ends the pod and what still runs in it", async () => {
    const running = await e2e.cri.start(pod);
    await mustSucceed(e2e.cri.crictl(["stopp", pod.id], { timeoutMs: 60_000 }));
    assert.equal((await podStatus(e2e, pod.id)).status.state, "SANDBOX_NOTREADY");
    assert.equal((await e2e.cri.exited(running)).exitCode, 137);
  });

  it("stopp of a stopped pod succeeds", async () => {
    await mustSucceed(e2e.cri.crictl(["stopp", pod.id]));
  });

  it("rmp removes it", async () => {
    await mustSucceed(e2e.cri.crictl(["rmp", pod.id]));
    assert.equal(await e2e.cri.text(["pods", "-q"]), "");
  });

  it("leaves nothing behind", async () => {
    await assertNothingLeft(e2e);
  });
});
