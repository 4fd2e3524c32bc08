import assert from "node:assert/strict";
import { parseMountOptions } from "../../../../src/guest/storage/mount-options.ts";

describe("mount options", () => {
  // numbers of <linux/mount.h>
  for (const [words, flags, data] of [
    [["ro", "nosuid", "nodev", "noexec"], 15, ""],
    [["rbind"], 0x5000, ""],
    [["ro", "rw"], 0, ""],
    [["noatime", "size=64m", "mode=1777"], 0x400, "size=64m,mode=1777"],
    [["defaults", ""], 0, ""],
    [["ro", "X-kata.multi-layer=true", "io.katacontainers.fs-opt.overlay-rw"], 1, ""],
    [["toString"], 0, "toString"],
  ] as const) {
    it(`turn ${words.join(",") || "nothing"} into flags ${flags} and data "${data}"`, () => {
      assert.deepEqual(parseMountOptions(words), { flags, data });
    });
  }
});
