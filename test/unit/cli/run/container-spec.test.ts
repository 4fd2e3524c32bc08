import assert from "node:assert/strict";
import { composeSpec, mergeEnv, parseBytes } from "../../../../src/cli/run/container-spec.ts";
import { resolveUser } from "../../../../src/cli/run/image-user.ts";
import { InvalidRequest } from "../../../../src/lib/errors.ts";
import { parseSpec, requireContainerSpec } from "../../../../src/oci/parse-spec.ts";

const root = { user: { uid: 0, gid: 0 }, home: "/root" };
const wishes = {
  args: [],
  env: [],
  workdir: undefined,
  terminal: false,
  memoryBytes: undefined,
  cpus: undefined,
  hostname: "h",
  annotations: {},
};

describe("the specification of a container that is run from an image", () => {
  it("runs the image's command in its directory", () => {
    const image = { Entrypoint: ["/entry"], Cmd: ["one"], WorkingDir: "/srv" };
    assert.deepEqual(composeSpec(image, root, wishes).process.args, ["/entry", "one"]);
    assert.equal(composeSpec(image, root, wishes).process.cwd, "/srv");
    assert.deepEqual(composeSpec(image, root, { ...wishes, args: ["x"], workdir: "/w" }).process.args, ["/entry", "x"]);
  });

  it("refuses an image without a command when none is given", () => {
    assert.throws(() => composeSpec({}, root, wishes), InvalidRequest);
  });

  it("is one that the shim itself accepts", () => {
    const spec = composeSpec({ Cmd: ["sh"] }, root, { ...wishes, memoryBytes: 2 ** 29, cpus: 1.5 });
    const parsed = requireContainerSpec(parseSpec(JSON.stringify(spec)));
    assert.deepEqual(parsed.linux.resources, { memory: { limit: 536870912 }, cpu: { quota: 150000, period: 100000 } });
    assert.equal(parsed.annotations?.["io.kubernetes.cri.sandbox-memory"], "536870912");
  });

  it("lets later environment values win", () => {
    assert.deepEqual(mergeEnv(["A=1", "B=2"], ["B=3"], ["C=", "A=4"]), ["A=4", "B=3", "C="]);
    for (const wrong of ["A", "=x", ""]) assert.throws(() => mergeEnv([wrong]), InvalidRequest);
  });

  it("reads sizes as other tools do", () => {
    const sizes = { "1024": 1024, "512m": 536870912, "2G": 2147483648, "1gib": 1073741824, "3kb": 3072 };
    for (const [text, bytes] of Object.entries(sizes)) assert.equal(parseBytes("--memory", text), bytes);
    for (const text of ["", "0", "-1", "1t", "m"]) assert.throws(() => parseBytes("--memory", text), InvalidRequest);
  });
});

describe("a user of an image", () => {
  const passwd = "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/var/web:\nodd line\nbad:x:-1:0::/:\n42:x:7:8::/seven:\n";
  const group = "root:x:0:\nweb:x:34:\nextra:x:44:other,web\n";
  const resolve = (wanted: string) => resolveUser(wanted, { passwd, group });

  it("is root with root's home when none is named", () => {
    assert.deepEqual(resolve(""), { user: { uid: 0, gid: 0 }, home: "/root" });
  });

  it("gets its groups by name and by number", () => {
    const web = { user: { uid: 33, gid: 34, additionalGids: [44] }, home: "/var/web" };
    assert.deepEqual(resolve("web"), web);
    assert.deepEqual(resolve("33"), web);
  });

  it("gets only the group that is named", () => {
    assert.deepEqual(resolve("web:extra").user, { uid: 33, gid: 44 });
    assert.deepEqual(resolve("1000:1001"), { user: { uid: 1000, gid: 1001 }, home: "/" });
  });

  it("is taken by name before by number", () => {
    assert.equal(resolve("42").user.uid, 7);
  });

  it("is refused when the image does not know it", () => {
    for (const wanted of ["nobody", "web:nogroup", "1:2:3", "4294967295", "bad"]) {
      assert.throws(() => resolve(wanted), InvalidRequest, wanted);
    }
  });
});
