import assert from "node:assert/strict";
import { Cancelled, DeadlineExceeded } from "../../../src/lib/errors.ts";
import { untilDriverStarted } from "../../../src/vm/vsock-driver.ts";
import { QmpError } from "../../../src/wire/qmp/qmp-error.ts";

type Qmp = Parameters<typeof untilDriverStarted>[0];

/** A QEMU that gives these answers in turn, the last one for ever. */
function qemu(...answers: (boolean | Error)[]) {
  const asked: string[] = [];
  const execute = (command: string, args: { readonly path?: string }) => {
    asked.push(`${command} ${args.path}`);
    const answer = answers[Math.min(asked.length, answers.length) - 1];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve({ started: answer });
  };
  return { asked, execute: execute as Qmp["execute"] };
}

const live = () => new AbortController().signal;

describe("the wait for the guest's vsock driver", () => {
  it("ends once QEMU says that the driver started the plan's device", async () => {
    const { asked, execute } = qemu(false, false, true);
    await untilDriverStarted({ execute }, { timeoutMs: 60_000, signal: live() });
    assert.deepEqual(asked, Array(3).fill("x-query-virtio-status /machine/peripheral/vsock0/virtio-backend"));
  });

  it("does not keep a QEMU that cannot tell from being dialled", async () => {
    const { asked, execute } = qemu(new QmpError("x-query-virtio-status", "CommandNotFound", "no such command"));
    await untilDriverStarted({ execute }, { timeoutMs: 60_000, signal: live() });
    assert.equal(asked.length, 1);
  });

  it("ends with the caller's time, and when the VM is gone", async () => {
    const { execute } = qemu(false);
    await assert.rejects(untilDriverStarted({ execute }, { timeoutMs: 120, signal: live() }), DeadlineExceeded);
    const gone = new AbortController();
    setTimeout(() => gone.abort(new Cancelled("the boot")), 80);
    await assert.rejects(untilDriverStarted({ execute }, { timeoutMs: 60_000, signal: gone.signal }), Cancelled);
  });
});
