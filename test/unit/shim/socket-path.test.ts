import assert from "node:assert/strict";
import { socketPath } from "../../../src/shim/socket-path.ts";

const owner = { address: "/run/containerd/containerd.sock", namespace: "k8s.io", podId: "pod1" };

describe("the shim's socket", () => {
  it("stands where containerd's formula says: sha256 of address/namespace/id", () => {
    // printf %s /run/containerd/containerd.sock/k8s.io/pod1 | sha256sum
    const digest = "8e264b1ad347c80aee5f3dea6e4bb53d72026989222058782273d5db043c7723";
    assert.equal(socketPath(owner), `/run/containerd/s/${digest}`);
  });

  it("is cleaned as Go's filepath.Join cleans", () => {
    assert.equal(socketPath({ ...owner, address: "/run//containerd/./containerd.sock/" }), socketPath(owner));
  });

  it("moves into the directory that containerd names, and stays within a socket's 107 bytes", () => {
    assert.match(socketPath(owner, "/run/other"), /^\/run\/other\/[0-9a-f]{64}$/);
    assert.equal(socketPath(owner, ""), socketPath(owner));
    assert.ok(socketPath(owner, `/${"d".repeat(41)}`).length <= 107);
  });

  it("differs by address, namespace and pod", () => {
    const paths = [owner, { ...owner, address: "/b" }, { ...owner, namespace: "n" }, { ...owner, podId: "p" }].map(
      (one) => socketPath(one),
    );
    assert.equal(new Set(paths).size, 4);
  });
});
