import assert from "node:assert/strict";
import * as errors from "../../../src/lib/errors.ts";
import { toRpcStatus } from "../../../src/shim/status.ts";

const exit = { exitCode: 1, signal: null, stderrTail: "no firmware", consoleTail: "" };

/** google.rpc.Code numbers as shim-contract §2.4 assigns them. */
const table: readonly (readonly [errors.KataError, number])[] = [
  [new errors.InvalidRequest("id", "is empty"), 3],
  [new errors.InvalidConfig([{ file: "a", key: "b", reason: "c" }]), 3],
  [new errors.NotFound("container", "c"), 5],
  [new errors.AlreadyExists("container", "c"), 6],
  [new errors.WrongState("container", "created", "delete"), 9],
  [new errors.Unsupported("checkpoint", "no"), 12],
  [new errors.HostCommandFailed("ip", { exitCode: 1, stderr: "no" }), 13],
  [new errors.HostCallFailed("open", "EIO"), 13],
  [new errors.EnvironmentLacks("no QEMU", "install it"), 9],
  [new errors.VmExited("booting", exit), 14],
  [new errors.LaunchFailed({ reason: "r", cause: "c", fix: "f", evidence: "e" }), 9],
  [new errors.AgentLost("the pod runs", "closed"), 14],
  [new errors.ConnectionLost("the guest", "closed"), 14],
  [new errors.DeadlineExceeded("boot", 5), 4],
  [new errors.Cancelled("boot"), 1],
  [new errors.ProtocolViolation("ttrpc", "bad"), 13],
  [new errors.MeasurementMismatch("pcr11", "a", "b"), 9],
  [new errors.CleanupIncomplete([{ step: "s", error: new Error("e") }]), 13],
];

describe("the status of an error", () => {
  for (const [error, code] of table) {
    it(`of class ${error.code} is ${code}, with the error's own text in one line`, () => {
      const status = toRpcStatus(error);
      assert.equal(status.code, code);
      assert.equal(status.message, error.message);
      assert.ok(!status.message.includes("\n"));
    });
  }

  it("is never Unimplemented for Create: containerd would take that as a word about the API", () => {
    const error = new errors.Unsupported("hostNetwork", "there is none in a virtual machine");
    assert.deepEqual(toRpcStatus(error, { method: "Create" }), { code: 9, message: error.message });
    assert.equal(toRpcStatus(error, { method: "Checkpoint" }).code, 12);
  });

  it("that nobody foresaw is internal and shows no stack", () => {
    const status = toRpcStatus(new TypeError("x is not a function"));
    assert.equal(status.code, 13);
    assert.ok(!/\n|\.ts:/.test(status.message));
    assert.equal(toRpcStatus("text").code, 13);
    assert.equal(toRpcStatus(undefined).code, 13);
  });

  it("of the guest is NotFound for every way in which the agent says that a process is gone", () => {
    // texts of agent-protocol §6
    const gone: readonly (readonly [number, string])[] = [
      [13, "ESRCH: No such process"],
      [13, "no such process"],
      [5, "InvalidExecId"],
      [5, "InitProcessNotFound"],
      [3, "InvalidContainerId"],
      [13, "Invalid container id c1"],
      [3, "invalid container id"],
    ];
    for (const [code, text] of gone) {
      assert.equal(toRpcStatus(new errors.RemoteError("guest agent SignalProcess", code, text)).code, 5, text);
    }
  });

  it("of the guest keeps its code otherwise, but never is Unimplemented, which would downgrade the API", () => {
    assert.equal(toRpcStatus(new errors.RemoteError("x", 7, "CreateContainerRequest is blocked by policy")).code, 7);
    assert.equal(toRpcStatus(new errors.RemoteError("x", 12, "no such method")).code, 9);
    assert.equal(toRpcStatus(new errors.RemoteError("x", 13, "the file nosuch was not found")).code, 13);
  });
});
