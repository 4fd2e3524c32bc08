import assert from "node:assert/strict";
import { drivers } from "../../../../src/guest/storage/drivers.ts";
import { InvalidRequest } from "../../../../src/lib/errors.ts";
import { Storage } from "../../../../src/wire/gen/kata/agent.ts";

describe("a storage that is a disk", () => {
  it("is refused, never left unencrypted, when it asks for a key of no kind", async () => {
    const storage = Storage.create({ driver: "scsi", source: "0:0", driver_options: ["encryption_key"] });
    const mounted = drivers["scsi"]?.(storage, { containerId: "c", hotplugLimitMs: 0 });
    await assert.rejects(Promise.resolve(mounted), (error) => {
      assert.ok(error instanceof InvalidRequest);
      assert.match(error.message, /encryption_key names no kind of key/);
      return true;
    });
  });
});
