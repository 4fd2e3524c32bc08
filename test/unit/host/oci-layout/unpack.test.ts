import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  createReadStream,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unpackLayer } from "../../../../src/host/oci-layout/unpack.ts";
import { InvalidRequest } from "../../../../src/lib/errors.ts";
import { directory, file, hardlink, symlink, type TarEntry, tar } from "../../../lab/images/tar.ts";
import { skip, tool } from "../../../support/tools.ts";

const sh = (script: string, ...args: string[]) =>
  execFileSync("bash", ["-euc", script, "sh", ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

describe("unpacking a layer", () => {
  let dir = "";
  let root = "";

  before(function () {
    if (process.getuid?.() !== 0) skip(this, "needs root");
  });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "kata-unpack-"));
    root = join(dir, "root");
    mkdirSync(root);
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const unpack = (entries: readonly TarEntry[]) => unpackLayer(inChunks(tar(entries), 700), root);
  const refused = async (entries: readonly TarEntry[], problem: RegExp) => {
    writeOutside();
    await assert.rejects(
      unpack(entries),
      (error: unknown) => error instanceof InvalidRequest && problem.test(error.message),
    );
    assert.deepEqual(readdirSync(dir).sort(), ["outside", "root"]);
    assert.equal(readFileSync(join(dir, "outside/kept"), "utf8"), "kept\n");
    assert.deepEqual(readdirSync(join(dir, "outside")), ["kept"]);
  };
  const writeOutside = () => sh('mkdir "$1/outside"; echo kept > "$1/outside/kept"', dir);

  for (const format of ["gnu", "pax", "ustar"]) {
    it(`makes what GNU tar finds no difference in (${format} format)`, async () => {
      const long = format === "ustar" ? "short" : "n".repeat(180);
      sh(
        `mkdir -p "$1/in/d/e"; cd "$1/in"; echo a > d/file; printf b > "d/${long}"; ln d/file d/hard; ln -s ../d/file d/e/soft
         chmod 4751 d/file; chown 1000:2000 "d/${long}"; mkfifo d/fifo; mknod d/null c 1 3; mknod d/disk b 259 70000; chmod 1777 d/e
         truncate -s 300000 d/zeros; find . -exec touch -h -d @1600000000 {} +
         tar --format=$2 -cf ../a.tar .`,
        dir,
        format,
      );
      await unpackLayer(createReadStream(join(dir, "a.tar")), root);
      assert.equal(sh('cd "$1/root"; tar --compare -f ../a.tar 2>&1', dir), "");
      assert.equal(lstatSync(join(root, "d/file")).ino, lstatSync(join(root, "d/hard")).ino);
    });
  }

  it("keeps extended attributes, but none of overlayfs' own", async function () {
    tool(this, "setfattr");
    sh(
      `mkdir "$1/in"; cd "$1/in"; echo a > f; setfattr -n user.note -v text f; setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 f
       mkdir o; setfattr -n trusted.overlay.redirect -v /etc o; tar --xattrs --xattrs-include='*' -cf ../a.tar .`,
      dir,
    );
    await unpackLayer(createReadStream(join(dir, "a.tar")), root);
    const attributes = sh('getfattr -d -m - -e text --absolute-names "$1/root/f" "$1/root/o"', dir);
    assert.match(attributes, /user\.note="text"/);
    assert.match(attributes, /security\.capability=/);
    assert.doesNotMatch(attributes, /overlay/);
  });

  it("turns whiteouts into devices 0/0 and opaque marks into the attribute of overlayfs", async function () {
    tool(this, "getfattr");
    await unpack([
      directory("etc"),
      file("etc/.wh.gone", ""),
      file("data/.wh..wh..opq", ""),
      file("data/new", "n"),
      file(".wh..wh.plnk", ""),
    ]);
    assert.equal(sh('stat -c "%F %t %T" "$1/etc/gone"', root).trim(), "character special file 0 0");
    assert.equal(sh('getfattr --only-values -n trusted.overlay.opaque --absolute-names "$1/data"', root), "y");
    assert.deepEqual(readdirSync(root).sort(), ["data", "etc"]);
  });

  it("lets a later entry take the place of an earlier one", async () => {
    await unpack([
      directory("a"),
      file("a/b", "1"),
      file("a", "now a file"),
      file("c", "1"),
      directory("c"),
      file("c/d", "2"),
    ]);
    assert.equal(readFileSync(join(root, "a"), "utf8"), "now a file");
    assert.equal(readFileSync(join(root, "c/d"), "utf8"), "2");
  });

  it("takes absolute names as names below the root", async () => {
    await unpack([file("/etc/motd", "hi")]);
    assert.equal(readFileSync(join(root, "etc/motd"), "utf8"), "hi");
  });

  it("refuses names that lead upwards", async () => {
    await refused([file("../outside/evil", "x")], /leads upwards/);
  });

  it("refuses to write through a symbolic link", async () => {
    await refused([symlink("way", "../outside"), file("way/evil", "x")], /goes through way, which is a symbolic link/);
  });

  it("refuses to write through a link that took the place of a directory", async () => {
    await refused([file("d/ok", "1"), symlink("d", "../outside"), file("d/evil", "x")], /goes through d/);
  });

  it("replaces a symbolic link instead of writing to its target", async () => {
    writeOutside();
    await unpack([symlink("f", "../outside/kept"), file("f", "mine")]);
    assert.equal(readFileSync(join(dir, "outside/kept"), "utf8"), "kept\n");
    assert.equal(readFileSync(join(root, "f"), "utf8"), "mine");
  });

  it("refuses hard links to what is outside", async () => {
    await refused([hardlink("f", "../outside/kept")], /leads upwards/);
    rmSync(join(dir, "outside"), { recursive: true });
    await refused([symlink("way", "../outside"), hardlink("f", "way/kept")], /goes through way/);
  });

  it("refuses whiteouts of a directory itself or its parent", async () => {
    await refused([file("d/.wh...", "")], /whiteout/);
  });

  it("refuses a whiteout whose parent is a link to the outside", async () => {
    await refused([symlink("way", "../outside"), file("way/.wh.kept", "")], /goes through way/);
    assert.ok(existsSync(join(dir, "outside/kept")));
  });

  it("refuses a tar that ends inside a file", async () => {
    const whole = tar([file("f", "x".repeat(3000))]);
    await assert.rejects(unpackLayer(inChunks(whole.subarray(0, 2000), 512), root), /ends inside a file/);
  });

  it("refuses more than it was allowed", async () => {
    const source = inChunks(tar([file("a", "12345"), file("b", "12345")]), 512);
    await assert.rejects(unpackLayer(source, root, { maxBytes: 9 }), /more than 9 bytes/);
  });
});

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
