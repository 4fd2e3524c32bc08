import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountsBelow } from "../../../src/host/mountinfo.ts";
import { detachMount, readMounts } from "../../../src/host/mounts.ts";
import { addToShare, openShare, removeFromShare } from "../../../src/host/share.ts";
import type { OwnedThing, Ownership } from "../../../src/lib/owned.ts";
import { skip } from "../../support/tools.ts";

describe("the share of host directories", function () {
  this.timeout(20_000);
  let dir = "";
  const owned = new Set<string>();
  const key = (thing: OwnedThing) => JSON.stringify(thing);
  const ownership: Ownership = {
    claim: async (thing) => void owned.add(key(thing)),
    release: async (thing) => void owned.delete(key(thing)),
  };
  const share = () => join(dir, "share");
  const volume = () => join(dir, "volume");
  const run = (file: string, ...args: string[]) => execFileSync(file, args, { stdio: "ignore" });
  const tmpfs = (path: string) => run("mount", "-t", "tmpfs", "-o", "size=64k", "none", path);
  const add = (readonly = false, hostPath = volume()) =>
    addToShare(share(), { hostPath, name: "v", readonly }, ownership);

  before(function () {
    if (process.getuid?.() !== 0) skip(this, "needs root");
  });
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "kata-share-"));
    owned.clear();
    mkdirSync(join(volume(), "inner"), { recursive: true });
    // as systemd leaves a host's file systems
    run("mount", "--bind", "--make-shared", volume(), volume());
    await openShare(share(), ownership);
  });
  afterEach(async () => {
    await detachMount(dir);
    rmSync(dir, { recursive: true });
  });

  it("holds a directory, and writes go to the host", async () => {
    await add();
    writeFileSync(join(share(), "v/from-guest"), "2");
    assert.equal(readFileSync(join(volume(), "from-guest"), "utf8"), "2");
  });

  it("keeps no mount point of the host busy", async () => {
    tmpfs(join(volume(), "inner"));
    await add();
    run("umount", join(volume(), "inner"));
    rmSync(join(volume(), "inner"), { recursive: true });
    assert.ok(!existsSync(join(share(), "v/inner")));
  });

  it("holds a single file", async () => {
    const file = join(volume(), "file");
    writeFileSync(file, "one");
    await add(false, file);
    assert.equal(readFileSync(join(share(), "v"), "utf8"), "one");
    await removeFromShare(share(), "v", ownership);
    assert.deepEqual([readdirSync(share()), readFileSync(file, "utf8")], [[], "one"]);
  });

  it("does not see what the host mounts later, and shows the host nothing of its own mounts", async () => {
    await add();
    tmpfs(join(volume(), "inner"));
    writeFileSync(join(volume(), "inner/late"), "");
    assert.deepEqual(readdirSync(join(share(), "v/inner")), []);
    const below = mountsBelow(await readMounts(), share()).map((entry) => entry.mountPoint);
    assert.deepEqual(below, [join(share(), "v"), share()]);
    const propagation = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
    for (const line of propagation.filter((text) => text.includes(share())))
      assert.doesNotMatch(line, /shared:|master:/);
  });

  it("is read-only where it shall be, and nowhere else", async () => {
    await add(true);
    assert.throws(() => writeFileSync(join(share(), "v/x"), ""), { code: "EROFS" });
    writeFileSync(join(volume(), "still-writable"), "");
  });

  it("can never be written where it is read-only, not even while it is being made", async () => {
    const file = join(share(), "v/from-guest");
    const guest = spawn("sh", ["-c", `echo; while :; do echo x > ${file}; done 2>/dev/null`]);
    try {
      await once(guest.stdout, "data");
      await add(true);
    } finally {
      guest.kill("SIGKILL");
      await once(guest, "close");
    }
    assert.deepEqual(readdirSync(volume()), ["inner"]);
  });

  it("keeps what else the host's mount forbids", async () => {
    run("mount", "-o", "remount,bind,nosuid,noexec", volume());
    await add(true);
    const { options = [] } = mountsBelow(await readMounts(), join(share(), "v"))[0] ?? {};
    assert.deepEqual(
      ["ro", "nosuid", "noexec"].filter((option) => !options.includes(option)),
      [],
    );
  });

  it("lets a guest put nothing at its root: no link where the next mount goes, no file on the host", async () => {
    await add();
    assert.throws(() => symlinkSync("/etc", join(share(), "next")), { code: "EROFS" });
    assert.throws(() => writeFileSync(join(share(), "file"), ""), { code: "EROFS" });
    assert.deepEqual(readdirSync(share()), ["v"]);
  });

  it("takes no mount once it was taken away: what removes the directory then finds nothing of the host", async () => {
    await detachMount(share());
    await assert.rejects(add());
    assert.deepEqual(mountsBelow(await readMounts(), share()), []);
  });

  it("claims each mount before it is made, and lets go of it without touching what was shared", async () => {
    await add();
    writeFileSync(join(share(), "v/kept"), "");
    assert.ok(owned.has(key({ kind: "mount", path: join(share(), "v") })));
    await removeFromShare(share(), "v", ownership);
    await removeFromShare(share(), "v", ownership);
    assert.deepEqual([...owned], [key({ kind: "mount", path: share() })]);
    assert.ok(existsSync(join(volume(), "kept")));
    assert.deepEqual(readdirSync(share()), []);
  });
});
