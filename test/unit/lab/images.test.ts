// The test images are written by hand-made code, so GNU tar and gzip judge it, and the same inputs
// must give the same digests on every machine.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImageLayout } from "../../lab/images/layout.ts";
import { directory, file, hardlink, symlink, tar } from "../../lab/images/tar.ts";

describe("The writer of test images", () => {
  const entries = [
    directory("etc"),
    file("etc/motd", "hello\n", 0o640),
    symlink("etc/link", "motd"),
    hardlink("etc/same", "etc/motd"),
    { ...file("set-uid", Buffer.alloc(513, 7), 0o4755), uid: 1000, gid: 50 },
  ];

  it("makes archives that GNU tar lists as they were meant", () => {
    const listing = execFileSync("tar", ["--numeric-owner", "--utc", "-tvf", "-"], {
      input: tar(entries),
      encoding: "utf8",
    });
    const lines = listing.trim().split("\n");
    assert.deepEqual(lines, [
      "drwxr-xr-x 0/0               0 2023-11-14 22:13 etc/",
      "-rw-r----- 0/0               6 2023-11-14 22:13 etc/motd",
      "lrwxrwxrwx 0/0               0 2023-11-14 22:13 etc/link -> motd",
      "hrwxr-xr-x 0/0               0 2023-11-14 22:13 etc/same link to etc/motd",
      "-rwsr-xr-x 1000/50         513 2023-11-14 22:13 set-uid",
    ]);
  });

  it("refuses a name that ustar cannot hold", () => {
    assert.throws(() => tar([file("x".repeat(101), "")]), /name too long/);
  });

  it("gives blobs whose names are their digests, and the same ones each time", () => {
    const digests = [1, 2].map(() => {
      const layout = new ImageLayout();
      return layout.image(["example.org/one:1"], [layout.layer(entries)], { Cmd: ["sh"] });
    });
    assert.equal(digests[0], digests[1]);
    const folder = mkdtempSync(join(tmpdir(), "kata-cvm-layout-"));
    try {
      const layout = new ImageLayout();
      layout.image(["example.org/one:1"], [layout.layer(entries)], { Cmd: ["sh"] });
      layout.writeLayout(folder);
      const blobs = join(folder, "blobs/sha256");
      for (const name of readdirSync(blobs)) {
        assert.equal(execFileSync("sha256sum", [join(blobs, name)], { encoding: "utf8" }).slice(0, 64), name);
      }
      const config = readdirSync(blobs)
        .map((name) => readFileSync(join(blobs, name)))
        .find((blob) => blob.includes('"diff_ids"'));
      const { rootfs } = JSON.parse(config?.toString("utf8") ?? "{}") as { rootfs: { diff_ids: string[] } };
      writeFileSync(join(folder, "layer.tar"), tar(entries));
      const sum = execFileSync("sha256sum", [join(folder, "layer.tar")], { encoding: "utf8" }).slice(0, 64);
      assert.deepEqual(rootfs.diff_ids, [`sha256:${sum}`]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
