import assert from "node:assert/strict";
import { InvalidRequest } from "../../../src/lib/errors.ts";
import { parseFlags } from "../../../src/shim/flags.ts";

const required = ["-namespace", "k8s.io", "-id", "abc"];

describe("the shim's command line", () => {
  it("takes what containerd 1.6 to 2.4 sends for start", () => {
    const argv = ["-namespace", "k8s.io", "-address", "/run/c.sock", "-publish-binary", "/usr/bin/containerd"];
    const invocation = parseFlags([...argv, "-id", "abc", "-debug", "start"]);
    assert.equal(invocation.action, "start");
    assert.equal(invocation.namespace, "k8s.io");
    assert.equal(invocation.address, "/run/c.sock");
    assert.equal(invocation.publishBinary, "/usr/bin/containerd");
    assert.equal(invocation.id, "abc");
    assert.equal(invocation.debug, true);
    assert.equal(invocation.bundle, "");
  });

  it("takes the bundle that delete names", () => {
    const invocation = parseFlags([...required, "-bundle", "/run/b", "delete"]);
    assert.equal(invocation.action, "delete");
    assert.equal(invocation.bundle, "/run/b");
  });

  it("takes every form of Go's flag package: two dashes, an equals sign, a boolean's value", () => {
    for (const argv of [
      ["--namespace", "k8s.io", "--id", "abc", "start"],
      ["-namespace=k8s.io", "-id=abc", "start"],
      ["--namespace=k8s.io", "-id", "abc", "-debug=false", "start"],
    ]) {
      const invocation = parseFlags(argv);
      assert.equal(invocation.namespace, "k8s.io");
      assert.equal(invocation.id, "abc");
      assert.equal(invocation.debug, false);
    }
  });

  it("keeps a value that looks like a flag or holds an equals sign", () => {
    assert.equal(parseFlags([...required, "-bundle", "-b=c", "delete"]).bundle, "-b=c");
    assert.equal(parseFlags([...required, "-address=/a=b", "start"]).address, "/a=b");
  });

  it("asks neither id nor namespace for -v and -info", () => {
    assert.equal(parseFlags(["-v"]).version, true);
    assert.equal(parseFlags(["-version"]).version, true);
    assert.equal(parseFlags(["-info"]).info, true);
    assert.equal(parseFlags(["-info"]).action, null);
  });

  it("refuses what it does not know, naming it", () => {
    assert.throws(() => parseFlags([...required, "-nosuch", "start"]), /-nosuch: unknown flag/);
    assert.throws(() => parseFlags([...required, "restart"]), /"restart" is not "start" or "delete"/);
    assert.throws(() => parseFlags([...required, "start", "delete"]), /"start delete"/);
    assert.throws(() => parseFlags(required), /expected "start" or "delete"/);
    assert.throws(() => parseFlags([]), InvalidRequest);
  });

  it("refuses ids and namespaces that are missing or could leave their directory", () => {
    const bad = ["", "..", "a/b", "../x", "a b", "-a", "a--b", "a\nb", "a".repeat(77), "ä"];
    for (const id of bad)
      assert.throws(() => parseFlags(["-namespace=n", `-id=${id}`, "start"]), /^\S+ -id:|-id: /, id);
    for (const namespace of bad)
      assert.throws(() => parseFlags([`-namespace=${namespace}`, "-id=i", "start"]), /-namespace: /);
    assert.throws(() => parseFlags(["-namespace", "n", "start", "-id"]), /-id: is empty/);
    assert.equal(parseFlags(["-namespace=n", `-id=${"a".repeat(76)}`, "start"]).id.length, 76);
  });
});
