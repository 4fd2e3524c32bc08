import assert from "node:assert/strict";
import { InvalidRequest } from "../../../src/lib/errors.ts";
import { readSandboxRole } from "../../../src/oci/cri-annotations.ts";
import { parseIdentifier } from "../../../src/oci/identifiers.ts";
import { maxSpecBytes, parseProcess, parseSpec, requireContainerSpec } from "../../../src/oci/parse-spec.ts";
import { parseWideJson, renderWideJson } from "../../../src/oci/wide-json.ts";

const minimal = {
  ociVersion: "1.1.0",
  process: { user: { uid: 0, gid: 0 }, cwd: "/", args: ["sh"] },
  root: { path: "rootfs" },
};

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof InvalidRequest, String(error));
    return error.message;
  }
  return assert.fail("nothing was refused");
}

describe("parseSpec", () => {
  it("keeps 64-bit limits digit for digit", () => {
    const json = JSON.stringify(minimal).replace(
      '"args"',
      '"rlimits":[{"type":"RLIMIT_NOFILE","hard":18446744073709551615,"soft":1024}],"args"',
    );
    const limit = parseSpec(json).process?.rlimits?.[0];
    assert.deepEqual(limit, { type: "RLIMIT_NOFILE", hard: 18446744073709551615n, soft: 1024 });
  });

  it("takes null for absent, as Go writes empty slices, and drops unknown members", () => {
    const spec = parseSpec(JSON.stringify({ ...minimal, mounts: null, solaris: { milestone: "x" } }));
    assert.deepEqual(spec, minimal);
  });

  it("keeps an annotation that is named like an object's prototype", () => {
    const spec = parseSpec('{"ociVersion":"1.1.0","annotations":{"__proto__":"x"}}');
    assert.deepEqual(Object.entries(spec.annotations ?? {}), [["__proto__", "x"]]);
  });

  it("leaves digits inside strings alone", () => {
    const spec = parseSpec('{"ociVersion":"1.1.0","hostname":"a\\"12345678901234567890"}');
    assert.equal(spec.hostname, 'a"12345678901234567890');
  });

  const refused: [string, unknown, string][] = [
    [
      "a wrong type by its path",
      { ...minimal, mounts: [{ destination: 7 }] },
      "mounts[0].destination: must be a string, not the number 7",
    ],
    [
      "an unknown namespace",
      { ...minimal, linux: { namespaces: [{ type: "moon" }] } },
      "linux.namespaces[0].type: must be one of pid, network, mount, ipc, uts, user, cgroup, time",
    ],
    ["a NUL byte", { ...minimal, hostname: "a\0b" }, "hostname: contains a NUL byte"],
    ["a document that is no object", [], "document: must be an object, not an array"],
    [
      "an id beyond 32 bits",
      { ...minimal, process: { ...minimal.process, user: { uid: 2 ** 32, gid: 0 } } },
      "process.user.uid: is 4294967296, allowed are 0 to 4294967295",
    ],
    [
      "an annotation that is no string",
      { ...minimal, annotations: { a: 1 } },
      'annotations["a"]: must be a string, not the number 1',
    ],
  ];
  for (const [what, document, message] of refused) {
    it(`refuses ${what}`, () =>
      assert.equal(
        refusal(() => parseSpec(JSON.stringify(document))),
        message,
      ));
  }

  it("refuses a limit beyond 64 bits", () => {
    const json = '{"ociVersion":"1","linux":{"resources":{"memory":{"limit":9223372036854775808}}}}';
    assert.match(
      refusal(() => parseSpec(json)),
      /^linux\.resources\.memory\.limit: is 9223372036854775808, allowed are/,
    );
  });

  it("refuses a specification larger than an agent request", () => {
    const json = JSON.stringify({ ...minimal, hostname: "x".repeat(maxSpecBytes) });
    assert.match(
      refusal(() => parseSpec(json)),
      /^config\.json: is \d+ bytes long, at most 4194304 are allowed$/,
    );
  });

  it("names text that is not JSON", () =>
    assert.match(
      refusal(() => parseSpec("{")),
      /^config\.json: is not JSON: /,
    ));
});

describe("requireContainerSpec", () => {
  const cases: [object, string][] = [
    [{ process: undefined }, "process: is missing"],
    [{ root: undefined }, "root: is missing"],
    [{ process: { ...minimal.process, args: [] } }, "process.args: is empty"],
    [{ process: { ...minimal.process, cwd: "tmp" } }, "process.cwd: must be an absolute path"],
  ];
  for (const [change, message] of cases) {
    it(`answers "${message}"`, () => {
      const spec = parseSpec(JSON.stringify({ ...minimal, ...change }));
      assert.equal(
        refusal(() => requireContainerSpec(spec)),
        message,
      );
    });
  }
});

describe("parseProcess", () => {
  it("reads the specification of an exec", () => {
    assert.deepEqual(parseProcess(Buffer.from(JSON.stringify(minimal.process))), minimal.process);
  });
});

describe("wide JSON", () => {
  it("writes a bigint back as the digits it was read from", () => {
    const json = '{"a":[-9223372036854775808,18446744073709551615,7],"b":"18446744073709551615"}';
    const decoded = { a: [-9223372036854775808n, 18446744073709551615n, 7], b: "18446744073709551615" };
    assert.equal(renderWideJson(decoded), json);
    assert.doesNotThrow(() => parseWideJson(json));
  });
});

describe("parseIdentifier", () => {
  for (const good of ["a", "0af3", "k8s.io", "a_b-c.d", "x".repeat(76)]) {
    it(`accepts ${good.slice(0, 12)}`, () => assert.equal(parseIdentifier(good, "id"), good));
  }
  for (const bad of ["", ".", "..", "a/b", "../a", "-a", "a-", "a..b", "a b", "ä", "a\n", "x".repeat(77)]) {
    it(`refuses ${JSON.stringify(bad.slice(0, 12))}`, () =>
      assert.match(
        refusal(() => parseIdentifier(bad, "id")),
        /^id: /,
      ));
  }
});

describe("readSandboxRole", () => {
  it("tells sandbox, container and a container on its own apart", () => {
    const type = "io.kubernetes.cri.container-type";
    assert.deepEqual(readSandboxRole({ [type]: "sandbox" }, "p"), { role: "sandbox", podId: "p" });
    assert.deepEqual(readSandboxRole({ [type]: "container", "io.kubernetes.cri.sandbox-id": "p" }, "c"), {
      role: "container",
      podId: "p",
    });
    assert.deepEqual(readSandboxRole(undefined, "c"), { role: "single", podId: "c" });
  });

  it("refuses a sandbox id that would leave its directory", () => {
    const annotations = { "io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "../x" };
    assert.match(
      refusal(() => readSandboxRole(annotations, "c")),
      /^annotations\["io\.kubernetes\.cri\.sandbox-id"\]/,
    );
  });
});
