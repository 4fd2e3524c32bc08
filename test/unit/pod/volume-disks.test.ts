import assert from "node:assert/strict";
import { VolumeDisks } from "../../../src/pod/volume-disks.ts";
import type { VolumeDisk } from "../../../src/translate/volume-disks.ts";
import { FakeWorld } from "./fake-world.ts";

const emptyDir: VolumeDisk = { volume: "/v", path: "/v/disk.img", readonly: false, newBytes: 4096 };

function disksOf(world = new FakeWorld()) {
  return { world, disks: new VolumeDisks(world.vm, (path, bytes) => world.makeDiskFile(path, bytes)) };
}

describe("the volume disks of a pod", () => {
  it("are made, then plugged, once for all containers that name the volume", async () => {
    const { world, disks } = disksOf();
    const [one, other] = await Promise.all([disks.plug([emptyDir]), disks.plug([emptyDir])]);
    assert.deepEqual(world.log, ["make /v/disk.img of 4096 bytes", "plug /v/disk.img"]);
    assert.deepEqual(one.get("/v"), { driver: "scsi", source: "0:0" });
    assert.deepEqual(other, one);
  });

  it("are not made when they exist already", async () => {
    const { world, disks } = disksOf();
    await disks.plug([{ volume: "/csi", path: "/dev/vg/data", isDevice: true, readonly: true }]);
    assert.deepEqual(world.log, ["plug /dev/vg/data"]);
  });

  it("may be tried again after a failure", async () => {
    const { world, disks } = disksOf();
    const make = world.makeDiskFile.bind(world);
    world.makeDiskFile = () => Promise.reject(new Error("no space"));
    await assert.rejects(disks.plug([emptyDir]), /no space/);
    world.makeDiskFile = make;
    assert.equal((await disks.plug([emptyDir])).size, 1);
  });
});
