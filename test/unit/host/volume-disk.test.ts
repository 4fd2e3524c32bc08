import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDiskFile, parseDirectVolume, readDirectVolume } from "../../../src/host/volume-disk.ts";
import { HostCallFailed, InvalidRequest } from "../../../src/lib/errors.ts";
import type { OwnedThing } from "../../../src/lib/owned.ts";

describe("a volume's disk on the host", () => {
  let dir = "";
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "kata-volume-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it("is a sparse file for root alone, claimed before it exists, without what was there before", async () => {
    const path = join(dir, "disk.img");
    const claims: [OwnedThing, boolean][] = [];
    writeFileSync(path, "old");
    const claim = async (thing: OwnedThing) => void claims.push([thing, statSync(path).size === 3]);
    await makeDiskFile(path, 1 << 30, { claim, release: async () => undefined });
    const { size, blocks, mode } = statSync(path);
    assert.deepEqual([size, blocks, mode & 0o777], [1 << 30, 0, 0o600]);
    assert.deepEqual(claims, [[{ kind: "path", path }, true]]);
  });

  it("is what a record names where Kata's tools leave it: under the volume's path in URL-safe base64", async () => {
    const volume = "/var/lib/kubelet/pods/u/volumes/kubernetes.io~csi/data/mount";
    // `printf %s PATH | basenc --base64url`
    const name = "L3Zhci9saWIva3ViZWxldC9wb2RzL3Uvdm9sdW1lcy9rdWJlcm5ldGVzLmlvfmNzaS9kYXRhL21vdW50";
    const device = join(dir, "data.img");
    writeFileSync(device, "");
    mkdirSync(join(dir, name));
    const record = { "volume-type": "blk", device, fstype: "ext4", metadata: { fsGroup: "7" }, options: ["ro"] };
    writeFileSync(join(dir, name, "mountInfo.json"), JSON.stringify(record));
    assert.deepEqual(await readDirectVolume(volume, dir), {
      device,
      isDevice: false,
      fsType: "ext4",
      options: ["ro"],
      fsGroup: { id: 7, onlyOnMismatch: false },
    });
    assert.equal(await readDirectVolume("/other", dir), undefined);
    assert.equal(await readDirectVolume(`/${"subpath-".repeat(30)}`, dir), undefined);
    rmSync(device);
    await assert.rejects(readDirectVolume(volume, dir), HostCallFailed);
  });

  it("is missed by name when it is not there, whatever its path holds", async () => {
    const folder = join(dir, Buffer.from("/v").toString("base64"));
    mkdirSync(folder);
    const file = join(folder, "mountInfo.json");
    writeFileSync(file, JSON.stringify({ device: `/nowhere${file}`, fstype: "ext4" }));
    await assert.rejects(readDirectVolume("/v", dir), { name: "HostCallFailed", errno: "ENOENT" });
  });

  for (const [what, record] of [
    ["no device", { fstype: "ext4" }],
    ["a relative device", { device: "sda", fstype: "ext4" }],
    ["no file system", { device: "/dev/sda" }],
    ["a file system that is a path", { device: "/dev/sda", fstype: "../x" }],
    ["options that are no words", { device: "/dev/sda", fstype: "ext4", options: ["a,b"] }],
    ["a group that is no number", { device: "/dev/sda", fstype: "ext4", metadata: { fsGroup: "staff" } }],
    ["no object", 3],
  ] as const) {
    it(`is refused for a record with ${what}`, () => {
      assert.throws(() => parseDirectVolume(JSON.stringify(record), "mountInfo.json"), InvalidRequest);
    });
  }
});
