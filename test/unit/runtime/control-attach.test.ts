import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { RemoteError } from "../../../src/lib/errors.ts";
import type { AttachOutput } from "../../../src/wire/gen/control.ts";
import { ServedPod } from "./served-pod.ts";

/** One client, attached to the sandbox's process. */
async function attach(served: ServedPod, options: { stdin?: boolean; container?: string } = {}) {
  const call = served.client.converse("Attach");
  const { stdin = false, container = "pod1" } = options;
  call.write({ start: { pod_id: "pod1", container_id: container, stdin } });
  const answers = call[Symbol.asyncIterator]() as AsyncIterator<AttachOutput, void>;
  const { value } = await answers.next();
  return { call, attached: value?.attached, rest: { [Symbol.asyncIterator]: () => answers } };
}

/** Everything until the end of the call. */
async function all(answers: AsyncIterable<AttachOutput>): Promise<{ text: string; exit: number | undefined }> {
  let text = "";
  let exit: number | undefined;
  for await (const { stdout, exit_status } of answers) {
    text += Buffer.from(stdout ?? []).toString();
    exit ??= exit_status;
  }
  return { text, exit };
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 2000, "it did not come to pass");
    await pause(2);
  }
}

describe("attach by the control service", () => {
  it("gives what the process writes from then on and its exit, and its client still gets everything", async () => {
    await using served = await ServedPod.start();
    const { world } = served;
    const process = world.process("pod1");
    process.say("before ");
    await until(() => world.output.length === 1);
    const { attached, rest } = await attach(served);
    assert.equal(attached?.terminal, false);
    process.say("after ");
    process.say("and the end");
    process.end(3);
    assert.deepEqual(await all(rest), { text: "after and the end", exit: 3 });
    assert.equal(Buffer.concat(world.output).toString(), "before after and the end");
  });

  it("lets several clients attach, and each leave without the others noticing", async () => {
    await using served = await ServedPod.start();
    const process = served.world.process("pod1");
    const [one, other] = [await attach(served), await attach(served)];
    process.say("both ");
    one.call.end();
    assert.deepEqual(await all(one.rest), { text: "both ", exit: undefined });
    process.say("one");
    process.end(0);
    assert.deepEqual(await all(other.rest), { text: "both one", exit: 0 });
  });

  it("hands input on beside the client's own, and closes nothing when it leaves", async () => {
    await using served = await ServedPod.start({ stdin: "/in" });
    const process = served.world.process("pod1");
    const { call, rest } = await attach(served, { stdin: true });
    call.write({ stdin: Buffer.from("typed\n") });
    await until(() => process.input.length === 1);
    call.end();
    assert.deepEqual(await all(rest), { text: "", exit: undefined });
    assert.deepEqual([Buffer.concat(process.input).toString(), process.inputClosed], ["typed\n", false]);
    assert.ok(served.world.pod.container("pod1").init.lifecycle.is("running"));
  });

  it("says so when the process takes no more input, and goes on with its output", async () => {
    await using served = await ServedPod.start({ stdin: "/in" });
    const process = served.world.process("pod1");
    process.writeStdin = () => Promise.reject(new RemoteError("WriteStdin", 13, "Cannot get writer"));
    const { call, rest } = await attach(served, { stdin: true });
    call.write({ stdin: Buffer.from("too late") });
    const closed = await rest[Symbol.asyncIterator]().next();
    assert.equal(closed.value?.stdin_closed, true);
    process.say("still here");
    process.end(0);
    assert.deepEqual(await all(rest), { text: "still here", exit: 0 });
  });

  it("resizes a terminal", async () => {
    await using served = await ServedPod.start({ terminal: true });
    const sizes: unknown[] = [];
    const resize = async (size: unknown): Promise<void> => void sizes.push(size);
    Object.assign(served.world.process("pod1"), { resize });
    const { call, attached } = await attach(served);
    assert.equal(attached?.terminal, true);
    call.write({ resize: { rows: 40, columns: 120 } });
    await until(() => sizes.length > 0);
    assert.deepEqual(sizes, [{ rows: 40, columns: 120 }]);
  });

  it("does not hold the process back when it does not read: it loses its call", async () => {
    await using served = await ServedPod.start();
    const process = served.world.process("pod1");
    const { rest } = await attach(served);
    const piece = "x".repeat(64 * 1024);
    for (let count = 1; count <= 100; count++) {
      process.say(piece);
      await until(() => served.world.output.length === count);
    }
    await assert.rejects(all(rest), /left more than 1048576 bytes unread/);
    assert.ok(served.world.pod.container("pod1").init.lifecycle.is("running"));
  });

  const refusals: readonly (readonly [string, { stdin?: boolean; container?: string }, RegExp])[] = [
    ["a container that is not there", { container: "other" }, /container "other" not found/],
    [
      "input to a container that was started without stdin",
      { stdin: true },
      /stdin: container pod1 was started without/,
    ],
  ];
  for (const [what, options, says] of refusals) {
    it(`refuses ${what}`, async () => {
      await using served = await ServedPod.start();
      await assert.rejects(attach(served, options), says);
    });
  }

  it("refuses a container that has ended", async () => {
    await using served = await ServedPod.start();
    const { world } = served;
    const app = await world.pod.create(world.request("app", "container"));
    await app.start();
    world.process("app").end(0);
    await app.init.wait();
    await assert.rejects(attach(served, { container: "app" }), /cannot attach to it: container app is stopped/);
  });
});
