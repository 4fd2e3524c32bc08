import assert from "node:assert/strict";
import { parseRootfsMounts } from "../../../src/host/rootfs-mounts.ts";
import { InvalidRequest, Unsupported } from "../../../src/lib/errors.ts";

const parse = (type: string, source: string, ...options: string[]) =>
  parseRootfsMounts([{ type, source, target: "", options }]);
const snapshots = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots";

describe("containerd's rootfs mounts", () => {
  it("name an overlay's layers, topmost first, and its upper directory", () => {
    const options = ["index=off", "workdir=/s/3/work", "upperdir=/s/3/fs", "lowerdir=/s/2/fs:/s/1/fs"];
    const expected = { kind: "overlay", lower: ["/s/2/fs", "/s/1/fs"], upper: "/s/3/fs", isIdMapped: false };
    assert.deepEqual(parse("overlay", "overlay", ...options), expected);
  });

  it("name a view's layers without an upper directory", () => {
    assert.deepEqual(parse("overlay", "overlay", "lowerdir=/a:/b"), {
      kind: "overlay",
      lower: ["/a", "/b"],
      upper: undefined,
      isIdMapped: false,
    });
  });

  it("keep colons and backslashes that overlayfs' escapes protect", () => {
    const parsed = parse("overlay", "overlay", "lowerdir=/a\\:b:/c\\\\d");
    assert.deepEqual(parsed.kind === "overlay" && parsed.lower, ["/a:b", "/c\\d"]);
  });

  it("trust a bind mount to stay as it is only when it is a read-only overlayfs snapshot", () => {
    const kindOf = (source: string, ...options: string[]) => parse("bind", source, ...options).kind;
    assert.equal(kindOf(`${snapshots}/7/fs`, "ro", "rbind"), "committed");
    assert.equal(kindOf(`${snapshots}/7/fs`, "rw", "rbind"), "directory");
    assert.equal(
      kindOf("/var/lib/containerd/io.containerd.snapshotter.v1.native/snapshots/7", "ro", "rbind"),
      "directory",
    );
  });

  it("name erofs files and block file systems", () => {
    assert.deepEqual(parse("erofs", "/s/1/layer.erofs", "ro", "loop"), {
      kind: "committed",
      path: "/s/1/layer.erofs",
      isIdMapped: false,
    });
    assert.deepEqual(parse("xfs", "/dev/mapper/pool-snap-4", "nouuid"), {
      kind: "block",
      path: "/dev/mapper/pool-snap-4",
      fsType: "xfs",
      isReadonly: false,
    });
  });

  it("tell when the layers' owners are to be seen through a user namespace", () => {
    const isIdMapped = (...args: Parameters<typeof parse>) => {
      const parsed = parse(...args);
      return parsed.kind !== "none" && parsed.kind !== "block" && parsed.isIdMapped;
    };
    const map = ["uidmap=0:100000:65536", "gidmap=0:100000:65536"];
    assert.equal(isIdMapped("overlay", "overlay", ...map, "lowerdir=/a:/b"), true);
    assert.equal(isIdMapped("bind", `${snapshots}/7/fs`, ...map, "ro", "rbind"), true);
    assert.equal(isIdMapped("overlay", "overlay", "lowerdir=/uidmap=0:/b"), false);
  });

  it("are refused when they cannot become disks", () => {
    assert.throws(() => parse("overlay", "overlay", "upperdir=/u"), InvalidRequest);
    assert.throws(() => parse("overlay", "overlay", "lowerdir=relative"), InvalidRequest);
    assert.throws(() => parse("bind", "../etc"), InvalidRequest);
    assert.throws(() => parse("fuse.nydus-overlayfs", "/x"), Unsupported);
    assert.throws(() => parse("erofs", "/x", "device=/y"), Unsupported);
    const one = { type: "erofs", source: "/a", target: "", options: [] };
    assert.throws(() => parseRootfsMounts([one, one]), Unsupported);
  });
});
