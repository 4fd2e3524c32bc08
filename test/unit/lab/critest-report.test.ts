import assert from "node:assert/strict";
import { type Case, flaky, judge, renderTable, type Spec, worseThan } from "../../lab/critest-report.ts";

function spec(text: string, state: string, message?: string): Spec {
  const failure = message === undefined ? {} : { Failure: { Message: message } };
  return {
    LeafNodeType: "It",
    LeafNodeText: text,
    ContainerHierarchyTexts: ["[k8s.io] Security Context", "NamespaceOption"],
    State: state,
    RunTime: 2_500_000_000,
    ...failure,
  };
}

const HOST_PID = "runtime should support HostPID";
const exceptions = [{ name: "HostPID$", reason: "the host's processes are not in the guest" }];

describe("the report of critest", () => {
  it("names a case by its path and gives it a class", () => {
    assert.deepEqual(judge([spec("runtime should support PodPID", "passed")], []), [
      {
        name: "Security Context > NamespaceOption > runtime should support PodPID",
        class: "B",
        state: "passed",
        unexpected: false,
        seconds: 2.5,
      },
    ]);
  });

  it("expects the failure of an excepted case and says why", () => {
    const [one] = judge([spec(HOST_PID, "failed", "runp: refused")], exceptions);
    assert.equal(one?.class, "D");
    assert.equal(one?.unexpected, false);
    assert.equal(one?.reason, "the host's processes are not in the guest: runp: refused");
  });

  it("does not expect any other failure, panic or time-out", () => {
    for (const state of ["failed", "panicked", "timedout", "interrupted"]) {
      const [one] = judge([spec("runtime should support PodPID", state, "no")], exceptions);
      assert.equal(one?.state, "failed", state);
      assert.equal(one.unexpected, true, state);
    }
  });

  it("counts a case that skipped itself, but not one that the focus left out", () => {
    assert.equal(judge([spec("a", "skipped", "no AppArmor")], []).length, 1);
    assert.equal(judge([spec("a", "skipped")], []).length, 0);
  });

  it("leaves benchmarks out", () => {
    assert.equal(judge([spec("benchmark about start", "passed")], []).length, 0);
  });

  it("prints a line for each class and every case that is not expected", () => {
    const table = renderTable(
      judge([spec(HOST_PID, "failed", "x"), spec("runtime breaks", "failed", "boom")], exceptions),
    );
    assert.match(table, /^D {11}0 {7}1 {8}0 {11}0 /m);
    assert.match(table, /^B {11}0 {7}1 {8}0 {11}1 /m);
    assert.match(table, /not expected: failed: .*runtime breaks\n {2}boom/);
    assert.doesNotMatch(table, /not expected: .*HostPID/);
  });

  const named = (name: string, state: Case["state"], kind: Case["class"] = "B"): Case => {
    return { name, class: kind, state, unexpected: false, seconds: 1 };
  };

  it("finds what only the peer passes, outside class D", () => {
    const peer = [named("a", "passed"), named("b", "passed"), named("d", "passed", "D"), named("s", "skipped")];
    const ours = [named("a", "passed"), named("b", "skipped"), named("d", "failed", "D"), named("s", "skipped")];
    assert.deepEqual(worseThan(peer, ours), ["b"]);
  });

  it("finds what passes under one seed and fails under another", () => {
    const first = [named("a", "passed"), named("b", "failed"), named("c", "skipped")];
    const second = [named("a", "failed"), named("b", "failed"), named("c", "passed")];
    assert.deepEqual(flaky([first, second]), ["a"]);
  });
});
