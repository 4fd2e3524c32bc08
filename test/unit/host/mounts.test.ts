import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountAt, mountsBelow, parseMountinfo } from "../../../src/host/mountinfo.ts";
import { detachMount, mount, readMounts } from "../../../src/host/mounts.ts";
import { HostCommandFailed, ProtocolViolation } from "../../../src/lib/errors.ts";
import type { OwnedThing, Ownership } from "../../../src/lib/owned.ts";
import { skip } from "../../support/tools.ts";

// The first line is proc(5)'s own example.
const sample = `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
40 36 0:50 / /run/pod/root rw - overlay overlay rw,lowerdir=/a:/b
41 40 0:51 / /run/pod/root/with\\040space\\134 ro,nosuid shared:2 master:3 propagate_from:4 - tmpfs my\\040source rw
42 36 0:52 / /run/pod/root rw - tmpfs tmpfs rw
43 36 0:53 / /run/pod/root2 rw - tmpfs tmpfs rw
`;

describe("the list of mounts", () => {
  it("is read with any number of optional fields and with escaped characters", () => {
    const entries = parseMountinfo(sample);
    assert.equal(entries.length, 5);
    assert.deepEqual(entries[0], {
      mountId: 36,
      parentId: 35,
      device: "98:0",
      root: "/mnt1",
      mountPoint: "/mnt2",
      options: ["rw", "noatime"],
      fsType: "ext3",
      source: "/dev/root",
      superOptions: ["rw", "errors=continue"],
    });
    assert.equal(entries[2]?.mountPoint, "/run/pod/root/with space\\");
    assert.equal(entries[2]?.source, "my source");
  });

  it("gives the topmost mount of a place, and all below it with the newest first", () => {
    const entries = parseMountinfo(sample);
    assert.equal(mountAt(entries, "/run/pod/root")?.mountId, 42);
    assert.deepEqual(
      mountsBelow(entries, "/run/pod/root").map((entry) => entry.mountId),
      [42, 41, 40],
    );
    assert.equal(mountsBelow(entries, "/").length, 5);
  });

  it("is refused when a line is cut", () => {
    assert.throws(() => parseMountinfo("36 35 98:0 /mnt1 /mnt2"), ProtocolViolation);
  });
});

describe("mounts", () => {
  let dir = "";
  const claims: OwnedThing[] = [];
  const ownership: Ownership = { claim: async (thing) => void claims.push(thing), release: async () => undefined };
  before(function () {
    if (process.getuid?.() !== 0) skip(this, "needs root");
  });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "kata-mounts-"));
    claims.length = 0;
  });
  afterEach(async () => {
    await detachMount(dir);
    rmSync(dir, { recursive: true });
  });
  const tmpfs = (path: string) => mount({ fsType: "tmpfs", source: "none", path, options: ["size=64k"] }, ownership);

  it("are claimed before they are made, at a directory that is made when missing", async () => {
    const path = join(dir, "a b", "root");
    await tmpfs(path);
    assert.deepEqual(claims, [{ kind: "mount", path }]);
    assert.equal(mountAt(await readMounts(), path)?.fsType, "tmpfs");
  });

  it("go with all that is stacked on or below them, and going twice is fine", async () => {
    await tmpfs(dir);
    await tmpfs(join(dir, "inner"));
    await tmpfs(dir);
    await detachMount(dir);
    assert.deepEqual(mountsBelow(await readMounts(), dir), []);
    await detachMount(dir);
  });

  it("go although a process sits in them", async () => {
    await tmpfs(dir);
    const sitter = spawn("sh", ["-c", "echo; exec sleep 60"], { cwd: dir, stdio: ["ignore", "pipe", "ignore"] });
    await once(sitter.stdout, "data");
    try {
      assert.throws(() => execFileSync("umount", [dir], { stdio: "ignore" }), "it is busy");
      await detachMount(dir);
      assert.equal(mountAt(await readMounts(), dir), undefined);
    } finally {
      sitter.kill("SIGKILL");
    }
  });

  it("leave neighbours with a longer name alone", async () => {
    mkdirSync(join(dir, "root2"));
    await tmpfs(join(dir, "root2"));
    await tmpfs(join(dir, "root"));
    await detachMount(join(dir, "root"));
    assert.equal(mountAt(await readMounts(), join(dir, "root2"))?.fsType, "tmpfs");
  });

  it("fail with the reason when the kernel refuses", async () => {
    writeFileSync(join(dir, "file"), "");
    const bad = mount({ fsType: "nosuchfs", source: "none", path: join(dir, "x"), options: [] }, ownership);
    await assert.rejects(bad, HostCommandFailed);
  });
});
