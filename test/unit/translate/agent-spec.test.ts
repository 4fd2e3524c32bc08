import assert from "node:assert/strict";
import { InvalidRequest } from "../../../src/lib/errors.ts";
import type { Linux, Process, Spec } from "../../../src/oci/types.ts";
import { toAgentProcess, toAgentResources, toAgentSpec } from "../../../src/translate/agent-spec.ts";
import { refuseHostNamespaces } from "../../../src/translate/container.ts";
import { guestCopyPath, guestLayerMount } from "../../../src/translate/guest-paths.ts";

const process: Process = { user: { uid: 0, gid: 0 }, args: ["true"], cwd: "/" };

function specWith(linux: Linux): Spec {
  return { ociVersion: "1.1.0", process, root: { path: "rootfs" }, linux };
}

describe("the agent's form of a spec", () => {
  /** Words on which the real agent panics without an answer (agent-protocol §6), and the field at fault. */
  const panics: readonly (readonly [() => unknown, RegExp])[] = [
    [
      () => toAgentProcess({ ...process, capabilities: { bounding: ["CHOWN;"] } }),
      /^process\.capabilities\.bounding\[0\]: "CHOWN;"/,
    ],
    [
      () => toAgentProcess({ ...process, capabilities: { ambient: ["CAP_A", "cap_b"] } }),
      /^process\.capabilities\.ambient\[1\]: /,
    ],
    [
      () => toAgentProcess({ ...process, rlimits: [{ type: "NOFILE", hard: 1, soft: 1 }] }),
      /^process\.rlimits\[0\]\.type: /,
    ],
    [() => toAgentSpec(specWith({ devices: [{ type: "x", path: "/dev/x" }] })), /^linux\.devices\[0\]\.type: /],
    [() => toAgentSpec(specWith({ seccomp: { defaultAction: "DENY" } })), /^linux\.seccomp\.defaultAction: /],
    [
      () => toAgentSpec(specWith({ seccomp: { defaultAction: "SCMP_ACT_ALLOW", architectures: ["x86"] } })),
      /^linux\.seccomp\.architectures\[0\]: /,
    ],
    [
      () => toAgentSpec(specWith({ seccomp: { defaultAction: "SCMP_ACT_ALLOW", flags: ["NONE"] } })),
      /^linux\.seccomp\.flags\[0\]: /,
    ],
    [
      () => {
        const args = [{ index: 0, value: 1, op: "==" }];
        const syscalls = [{ names: ["read"], action: "SCMP_ACT_ALLOW", args }];
        return toAgentSpec(specWith({ seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls } }));
      },
      /^linux\.seccomp\.syscalls\[0\]\.args\[0\]\.op: "=="/,
    ],
  ];
  for (const [make, field] of panics) {
    it(`is refused for ${field.source.replaceAll("\\", "").slice(1, 44)}`, () => {
      assert.throws(make, (error: Error) => {
        assert.ok(error instanceof InvalidRequest);
        assert.match(error.message, field);
        return true;
      });
    });
  }

  it("keeps 64-bit limits whole", () => {
    const limit = 2n ** 64n - 1n;
    assert.equal(
      toAgentProcess({ ...process, rlimits: [{ type: "RLIMIT_AS", hard: limit, soft: 1 }] }).Rlimits?.[0]?.Hard,
      limit,
    );
    assert.equal(toAgentResources({ memory: { limit: 2n ** 62n } }).Memory?.Limit, 2n ** 62n);
  });

  it("leaves absent what the spec leaves absent", () => {
    assert.equal(toAgentProcess(process).Capabilities, undefined);
    const resources = toAgentResources({});
    assert.deepEqual([resources.Memory, resources.CPU, resources.Pids], [undefined, undefined, undefined]);
    assert.equal(toAgentSpec({ ociVersion: "1.1.0" }).Process, undefined);
  });
});

describe("host namespaces", () => {
  const all = ["network", "ipc", "pid"] as const;
  for (const missing of all) {
    it(`are refused by their name in the pod's spec: ${missing}`, () => {
      const namespaces = all.filter((type) => type !== missing).map((type) => ({ type }));
      const spec = { ...specWith({}), process, root: { path: "r" }, linux: { namespaces } };
      assert.throws(() => refuseHostNamespaces(spec), new RegExp(`host${missing}`, "i"));
    });
  }

  it("are not asked for by a pod that has its own", () => {
    const namespaces = all.map((type) => ({ type }));
    refuseHostNamespaces({ ...specWith({}), process, root: { path: "r" }, linux: { namespaces } });
  });
});

describe("paths in the guest", () => {
  it("of copies keep a strange destination from leaving its directory", () => {
    for (const destination of ["/", "/..", "/a/../..", "/a b/ü\n", "/.hidden"]) {
      assert.match(
        guestCopyPath("c1", destination),
        /^\/run\/kata-containers\/shared\/containers\/c1-[0-9a-f]{16}-[\w.-]+$/,
      );
    }
  });

  it("of layers are the base64url of the storage's source", () => {
    // printf 0:1 | basenc --base64url
    assert.equal(guestLayerMount("0:1"), "/run/kata-containers/virtual-volumes/MDox");
  });
});
