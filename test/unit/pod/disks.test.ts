import assert from "node:assert/strict";
import { silentLogger } from "../../../src/lib/logger.ts";
import { LayerDisks } from "../../../src/pod/disks.ts";
import type { DiskToPlug, GuestDiskAddress, LayerFile } from "../../../src/pod/ports.ts";
import { FakeWorld } from "./fake-world.ts";

function layer(path: string): LayerFile {
  return { path, verity: { rootHash: path, salt: "", hashOffsetBytes: 4096, blockBytes: 4096 } };
}

function disksOf(vmChange: Partial<FakeWorld["vm"]> = {}) {
  const plugged = new Map<string, DiskToPlug>();
  const log: string[] = [];
  const vm = {
    ...new FakeWorld().vm,
    plugDisk: async (disk: DiskToPlug): Promise<GuestDiskAddress> => {
      assert.ok(!plugged.has(disk.id), "an id is used once");
      plugged.set(disk.id, disk);
      log.push(`plug ${disk.path}`);
      return { driver: "scsi", source: `${plugged.size - 1}:0` };
    },
    unplugDisk: async (id: string) => {
      log.push(`unplug ${plugged.get(id)?.path}`);
      plugged.delete(id);
    },
    ...vmChange,
  };
  return { log, plugged, disks: new LayerDisks(vm, silentLogger) };
}

describe("the layer disks of a pod", () => {
  it("are plugged read-only, and named to the guest in the order of the layers", async () => {
    const { disks, plugged } = disksOf();
    const layers = await disks.plug([layer("/top"), layer("/base")]);
    assert.deepEqual(
      layers.map(({ source, verity }) => [source, verity.rootHash]),
      [
        ["0:0", "/top"],
        ["1:0", "/base"],
      ],
    );
    assert.ok([...plugged.values()].every((disk) => disk.readonly));
  });

  it("are plugged once for all their users, and unplugged after the last", async () => {
    const { disks, log } = disksOf();
    const [first] = await disks.plug([layer("/a"), layer("/b")]);
    const [second] = await disks.plug([layer("/a")]);
    assert.equal(first?.source, second?.source);
    await disks.unplug(["/a", "/b"]);
    assert.deepEqual(log, ["plug /a", "plug /b", "unplug /b"]);
    await disks.unplug(["/a"]);
    assert.deepEqual(log.slice(3), ["unplug /a"]);
    await disks.plug([layer("/a")]);
    assert.deepEqual(log.slice(4), ["plug /a"]);
  });

  it("are plugged once although two containers ask at the same moment", async () => {
    const { disks, log } = disksOf();
    await Promise.all([disks.plug([layer("/a")]), disks.plug([layer("/a")])]);
    assert.deepEqual(log, ["plug /a"]);
  });

  it("leave none plugged when one of them cannot be", async () => {
    const { disks, plugged } = disksOf();
    const plugDisk = async (disk: DiskToPlug): Promise<GuestDiskAddress> => {
      if (disk.path === "/bad") throw new Error("no slot is free");
      plugged.set(disk.id, disk);
      return { driver: "scsi", source: "0:0" };
    };
    const second = disksOf({ plugDisk, unplugDisk: async (id) => void plugged.delete(id) });
    await assert.rejects(second.disks.plug([layer("/a"), layer("/bad")]), /no slot is free/);
    assert.equal(plugged.size, 0);
    assert.equal((await disks.plug([layer("/a")])).length, 1);
  });

  it("stay with the VM when the guest keeps one, and the others go", async () => {
    const gone: string[] = [];
    const { disks } = disksOf({
      unplugDisk: async (id) => {
        if (id === "layer0") throw new Error("the guest holds it");
        gone.push(id);
      },
    });
    await disks.plug([layer("/a"), layer("/b")]);
    await disks.unplug(["/a", "/b", "/nosuch"]);
    assert.deepEqual(gone, ["layer1"]);
  });
});
