import assert from "node:assert/strict";
import { InvalidRequest, Unsupported } from "../../../src/lib/errors.ts";
import type { ContainerSpec, IdMapping, Linux, Mount } from "../../../src/oci/types.ts";
import { refuseMappings, translateUserNamespace } from "../../../src/translate/user-namespace.ts";

const map = (containerID: number, hostID: number, size: number): IdMapping => ({ containerID, hostID, size });
/** `count` mappings of one id each */
const singles = (count: number): IdMapping[] => Array.from({ length: count }, (_, id) => map(id, id, 1));
const ids = [map(0, 100_000, 65_536)];
const mapped: Linux = { namespaces: [{ type: "user", path: "/proc/7/ns/user" }], uidMappings: ids, gidMappings: ids };
const verity = { rootHash: "", salt: "", hashOffsetBytes: 0, blockBytes: 4096 };
const guest = { seccomp: true, verityLayers: true, userNamespaces: true };

function specOf(linux: Linux, mounts?: readonly Mount[]): ContainerSpec {
  const process = { args: ["sh"], cwd: "/", user: { uid: 0, gid: 0 } };
  return { ociVersion: "1.2.0", process, root: { path: "/r" }, linux, ...(mounts === undefined ? {} : { mounts }) };
}

function optionsOf(mount: Partial<Mount>): readonly string[] | undefined {
  const whole: Mount = { destination: "/data", type: "bind", source: "/srv", ...mount };
  const [made] = translateUserNamespace(specOf(mapped, [whole]), { guest, layers: [] }).mounts ?? [];
  assert.deepEqual([made?.uidMappings, made?.gidMappings], [undefined, undefined]);
  return made?.options;
}

describe("a user namespace", () => {
  for (const [what, linux, field] of [
    [
      "without mappings, as one that is joined by path",
      { ...mapped, uidMappings: [], gidMappings: [] },
      "linux.uidMappings",
    ],
    ["without a mapping of groups", { ...mapped, gidMappings: [] }, "linux.gidMappings"],
    ["without container id 0", { ...mapped, uidMappings: [map(1, 1000, 10)] }, "linux.uidMappings"],
    ["with a mapping of nothing", { ...mapped, gidMappings: [map(0, 1000, 0)] }, "linux.gidMappings[0].size"],
    ["beyond the last id", { ...mapped, uidMappings: [map(0, 4_294_967_290, 6)] }, "linux.uidMappings[0]"],
    ["with one container id twice", { ...mapped, uidMappings: [map(0, 0, 10), map(9, 50, 1)] }, "linux.uidMappings[1]"],
    ["with one host id twice", { ...mapped, uidMappings: [map(0, 5, 10), map(20, 14, 1)] }, "linux.uidMappings[1]"],
    ["with more mappings than the kernel takes", { ...mapped, uidMappings: singles(341) }, "linux.uidMappings"],
    [
      "that mappings are given for but that is not asked for",
      { uidMappings: ids, gidMappings: ids },
      "linux.uidMappings",
    ],
  ] as const) {
    it(`is refused ${what}, naming ${field}`, () => {
      assert.throws(
        () => refuseMappings({ linux }),
        (error) => error instanceof InvalidRequest && error.message.startsWith(`${field}:`),
      );
    });
  }

  it("may reach to the last id, and have several ranges side by side", () => {
    refuseMappings({ linux: { ...mapped, uidMappings: [map(0, 4_294_967_285, 10)] } });
    refuseMappings({ linux: { ...mapped, uidMappings: [map(0, 0, 10), map(10, 50, 1)] } });
    refuseMappings({ linux: { ...mapped, uidMappings: singles(340) } });
    refuseMappings({ linux: {} });
  });

  it("is refused where the guest's agent makes none", () => {
    const common = { ...guest, userNamespaces: false };
    assert.throws(() => translateUserNamespace(specOf(mapped), { guest: common, layers: [] }), Unsupported);
    assert.deepEqual(translateUserNamespace(specOf({}), { guest: common, layers: [] }), specOf({}));
  });

  it("is needed by a root whose owners are mapped", () => {
    const layers = [{ driver: "scsi", source: "0:0", verity, isIdMapped: true }] as const;
    assert.throws(() => translateUserNamespace(specOf({}), { guest, layers }), InvalidRequest);
    translateUserNamespace(specOf(mapped), { guest, layers });
  });
});

describe("a mapped volume", () => {
  it("becomes an option of its mount, once", () => {
    const both = { uidMappings: ids, gidMappings: ids };
    assert.deepEqual(optionsOf({ ...both, options: ["rbind", "ro"] }), ["rbind", "ro", "idmap"]);
    assert.deepEqual(optionsOf({ ...both, options: ["rbind", "idmap"] }), ["rbind", "idmap"]);
    assert.deepEqual(optionsOf(both), ["idmap"]);
  });

  it("is another thing than a volume that is not", () => {
    assert.deepEqual(optionsOf({ options: ["rbind"] }), ["rbind"]);
  });

  for (const [what, mount] of [
    ["other users than its container", { uidMappings: [map(0, 5, 65_536)], gidMappings: ids }],
    ["a shorter range than its container", { uidMappings: ids, gidMappings: [map(0, 100_000, 10)] }],
    ["users but no groups", { uidMappings: ids }],
    ["no source to map", { uidMappings: ids, gidMappings: ids, type: "tmpfs" }],
  ] as const) {
    it(`is refused with ${what}, by the name of its field`, () => {
      assert.throws(
        () => optionsOf(mount),
        (error) => error instanceof Unsupported && error.message.includes("mounts[0].uidMappings (/data)"),
      );
    });
  }
});
