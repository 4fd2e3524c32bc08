import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cachedLayer, listLayers, pruneLayers } from "../../../src/host/layer-cache.ts";
import { convertDirectory, convertErofsFile, type LayerImage } from "../../../src/host/layer-image.ts";
import { prepareRootfs } from "../../../src/host/layers.ts";
import { HostCallFailed, Unsupported } from "../../../src/lib/errors.ts";
import type { OwnedThing, Ownership } from "../../../src/lib/owned.ts";
import { skip } from "../../support/tools.ts";

const sh = (script: string, ...args: string[]) =>
  execFileSync("sh", ["-euc", script, "sh", ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

/** A tree with all that a layer may hold; the order of making its files is the caller's. */
const treeScript = `
cd "$1"
for step in $2; do case $step in
  files) mkdir -p etc usr/bin; echo one > etc/one; touch -d @1000000000.123456789 etc/one; printf x > usr/bin/tool; chmod 4755 usr/bin/tool;;
  links) mkdir -p etc; echo linked > etc/first; ln etc/first etc/second; ln -s ../etc/first etc/soft;;
  whiteout) mkdir -p gone; mknod gone/file c 0 0; mkdir -p opaque; setfattr -n trusted.overlay.opaque -v y opaque;;
  special) mkdir -p dev; mknod dev/null c 1 3; mkfifo dev/fifo; setfattr -n user.note -v text dev; setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 dev;;
  long) touch "$(printf 'n%.0s' $(seq 254))"; mkdir -p uid; chown 1234:5678 uid;;
esac; done
find . -exec touch -h -d @1700000000 {} +`;
const steps = ["files", "links", "whiteout", "special", "long"];

describe("layer disks", function () {
  this.timeout(60_000);
  let dir = "";
  const claims: OwnedThing[] = [];
  const ownership: Ownership = { claim: async (thing) => void claims.push(thing), release: async () => undefined };

  before(function () {
    const lacking = ["mkfs.erofs", "veritysetup", "setfattr"].find((tool) => !hasTool(tool));
    if (process.getuid?.() !== 0) skip(this, "needs root");
    if (lacking !== undefined) skip(this, `needs ${lacking}`);
  });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "kata-layers-"));
    claims.length = 0;
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const tree = (name: string, order = steps): string => {
    const path = join(dir, name);
    mkdirSync(path);
    sh(treeScript, path, order.join(" "));
    return path;
  };

  it("verify with veritysetup, by the root hash they were given", async () => {
    const image = await convertDirectory(tree("a"), join(dir, "a.img"));
    const verify = (rootHash: string) =>
      sh('veritysetup verify "$1" "$1" "$2" --hash-offset="$3"', image.path, rootHash, String(image.hashOffsetBytes));
    verify(image.rootHash);
    assert.throws(() => verify(`${image.rootHash.slice(0, -2)}00`));
    assert.equal(readFileSync(image.path).length, image.bytes);
  });

  it("have the hash tree that veritysetup makes, byte for byte", async () => {
    writeFileSync(join(dir, "big"), Buffer.alloc(3 * 1024 * 1024, 7));
    const source = tree("a");
    sh('mv "$1" "$2"', join(dir, "big"), source);
    const image = await convertDirectory(source, join(dir, "a.img"));
    sh('head -c "$2" "$1" > "$3"', image.path, String(image.hashOffsetBytes), join(dir, "data"));
    const nil = "00000000-0000-0000-0000-000000000000";
    const args = ["format", join(dir, "data"), join(dir, "tree"), `--salt=${image.salt}`, `--uuid=${nil}`];
    const said = execFileSync("veritysetup", args, { encoding: "utf8" });
    assert.match(said, new RegExp(`Root hash:\\s+${image.rootHash}`));
    assert.ok(readFileSync(join(dir, "tree")).equals(readFileSync(image.path).subarray(image.hashOffsetBytes)));
  });

  it("keep modes, owners, times, links, devices, attributes, whiteouts and opaque marks", async () => {
    const source = tree("a");
    const image = await convertDirectory(source, join(dir, "a.img"));
    const list = `cd "$1"; find . -printf '%P %y %m %U:%G %T@ %n %l ' -exec stat -c '%t:%T' {} \\; | sort
      getfattr -dhR -m - . 2>/dev/null | sort; sha256sum etc/one usr/bin/tool etc/second`;
    const mountPoint = join(dir, "mnt");
    mkdirSync(mountPoint);
    sh('mount -t erofs -o ro,loop "$1" "$2"', image.path, mountPoint);
    try {
      assert.equal(sh(list, mountPoint), sh(list, source));
    } finally {
      sh('umount "$1"', mountPoint);
    }
  });

  it("hide what a whiteout and an opaque directory hide when stacked by overlayfs", async () => {
    const lower = join(dir, "lower");
    sh('mkdir -p "$1/gone" "$1/opaque"; touch "$1/gone/file" "$1/gone/kept" "$1/opaque/hidden"', lower);
    const images = [
      await convertDirectory(tree("top"), join(dir, "1.img")),
      await convertDirectory(lower, join(dir, "2.img")),
    ];
    const script = `cd "$1"; mkdir 1 2 all
      trap 'umount all 2 1 2>/dev/null || true' EXIT
      mount -t erofs -o ro,loop 1.img 1; mount -t erofs -o ro,loop 2.img 2
      mount -t overlay -o ro,lowerdir=1:2 overlay all
      ls all/gone; ls all/opaque`;
    assert.equal(images.length, 2);
    assert.equal(sh(script, dir), "kept\n");
  });

  it("are equal for equal trees, whatever the order in which those were made", async () => {
    const one = await convertDirectory(tree("a"), join(dir, "a.img"));
    const two = await convertDirectory(tree("b", steps.toReversed()), join(dir, "b.img"));
    assert.equal(two.rootHash, one.rootHash);
    assert.equal(sha256(two.path), sha256(one.path));
  });

  it("take an EROFS file as it is", async () => {
    sh('mkfs.erofs --quiet "$1" "$2"', join(dir, "layer.erofs"), tree("a"));
    const image = await convertErofsFile(join(dir, "layer.erofs"), join(dir, "a.img"));
    const original = readFileSync(join(dir, "layer.erofs"));
    assert.ok(readFileSync(image.path).subarray(0, original.length).equals(original));
    sh(
      'veritysetup verify "$1" "$1" "$2" --hash-offset="$3"',
      image.path,
      image.rootHash,
      String(image.hashOffsetBytes),
    );
    await assert.rejects(convertErofsFile("/bin/true", join(dir, "b.img")), Unsupported);
  });

  it("hold a name of 255 bytes, or say that this mkfs.erofs cannot", async () => {
    const source = tree("a", ["files"]);
    const name = "n".repeat(255);
    writeFileSync(join(source, name), "");
    const failure = await convertDirectory(source, join(dir, "a.img")).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) return;
    assert.ok(failure instanceof Unsupported);
    assert.match(failure.message, /file name of 255 bytes/);
  });

  describe("in the cache", () => {
    const cache = () => join(dir, "cache");

    it("are made once, and again only when the tree was replaced", async () => {
      const source = tree("a");
      const image = await cachedLayer(cache(), source);
      const inode = inodeOf(image);
      assert.deepEqual(await cachedLayer(cache(), source), image);
      assert.equal(inodeOf(image), inode);
      rmSync(source, { recursive: true });
      tree("a", ["files"]);
      assert.notEqual((await cachedLayer(cache(), source)).rootHash, image.rootHash);
    });

    it("are shared by trees of equal content", async () => {
      const [one, two] = [await cachedLayer(cache(), tree("a")), await cachedLayer(cache(), tree("b"))];
      assert.equal(one.path, two.path);
      const [listed, ...others] = await listLayers(cache());
      assert.deepEqual(others, []);
      assert.deepEqual([...(listed?.sources ?? [])].sort(), [join(dir, "a"), join(dir, "b")]);
    });

    it("are made again when they were cut short, lost their head, or lost their index entry", async () => {
      const source = tree("a");
      const image = await cachedLayer(cache(), source);
      const whole = sha256(image.path);
      truncateSync(image.path, image.bytes - 4096);
      await cachedLayer(cache(), source);
      assert.equal(sha256(image.path), whole);
      sh('dd if=/dev/zero of="$1" bs=4096 count=1 conv=notrunc 2>/dev/null', image.path);
      await cachedLayer(cache(), source);
      assert.equal(sha256(image.path), whole);
      for (const name of readdirSync(join(cache(), "index"))) writeFileSync(join(cache(), "index", name), "{");
      assert.deepEqual(await cachedLayer(cache(), source), image);
    });

    it("are made by one of several processes that ask at once", async () => {
      const source = tree("a");
      sh('head -c 20000000 /dev/urandom > "$1/random"; mkdir "$2"', source, join(dir, "bin"));
      const counter = join(dir, "runs");
      const real = sh("command -v mkfs.erofs").trim();
      writeFileSync(join(dir, "bin/mkfs.erofs"), `#!/bin/sh\necho run >> ${counter}\nexec ${real} "$@"\n`);
      chmodSync(join(dir, "bin/mkfs.erofs"), 0o755);
      const module = join(import.meta.dirname, "../../../src/host/layer-cache.ts");
      const code = `import(${JSON.stringify(module)}).then((m) => m.cachedLayer(${JSON.stringify(cache())}, ${JSON.stringify(source)})).then((image) => console.log(image.rootHash))`;
      const env = { ...process.env, PATH: `${join(dir, "bin")}:${process.env["PATH"]}` };
      const results = await Promise.all(
        [1, 2, 3].map(async () => {
          const child = spawn(process.execPath, ["--import", "tsx", "-e", code], {
            env,
            stdio: ["ignore", "pipe", "inherit"],
          });
          const chunks: Buffer[] = [];
          child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
          await once(child, "close");
          return Buffer.concat(chunks).toString().trim();
        }),
      );
      assert.match(results[0] ?? "", /^[0-9a-f]{64}$/);
      assert.deepEqual(results, [results[0], results[0], results[0]]);
      assert.equal(readFileSync(counter, "utf8"), "run\n");
    });

    it("leave by age until the limit holds, but never when used a moment ago", async () => {
      const old = await cachedLayer(cache(), tree("a"));
      const young = await cachedLayer(cache(), tree("b", ["files"]));
      utimesSync(old.path, 1000, 1000);
      assert.deepEqual(await pruneLayers(cache(), { maxBytes: old.bytes + young.bytes }), {
        removed: [],
        keptBytes: old.bytes + young.bytes,
      });
      assert.deepEqual(await pruneLayers(cache(), { maxBytes: 0 }), { removed: [old], keptBytes: young.bytes });
      assert.deepEqual(
        (await listLayers(cache())).map((layer) => layer.image),
        [young],
      );
      assert.equal(readdirSync(join(cache(), "index")).length, 1);
    });

    it("never leave while a process holds them open, as a pod's QEMU does", async () => {
      const held = await cachedLayer(cache(), tree("a"));
      const free = await cachedLayer(cache(), tree("b", ["files"]));
      for (const { path } of [held, free]) utimesSync(path, 1000, 1000);
      const fd = openSync(held.path, "r");
      try {
        const layers = await listLayers(cache());
        assert.deepEqual(
          layers.filter(({ isOpen }) => isOpen).map(({ image }) => image),
          [held],
        );
        assert.deepEqual(await pruneLayers(cache(), { maxBytes: 0 }), { removed: [free], keptBytes: held.bytes });
      } finally {
        closeSync(fd);
      }
      assert.deepEqual(await pruneLayers(cache(), { maxBytes: 0 }), { removed: [held], keptBytes: 0 });
    });

    it("tell when they are made, and not when they are found", async () => {
      let made = 0;
      const onMade = () => void made++;
      const source = tree("a", ["files"]);
      await cachedLayer(cache(), source, { onMade });
      await cachedLayer(cache(), source, { onMade });
      assert.equal(made, 1);
    });

    it("lose the temporary files of dead processes, not those of living ones", async () => {
      await cachedLayer(cache(), tree("a", ["files"]));
      const startTime = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ")[19];
      const [dead, living] = [join(cache(), "tmp/999999999-1-aa"), join(cache(), `tmp/${process.pid}-${startTime}-bb`)];
      for (const path of [dead, living]) writeFileSync(path, "");
      await pruneLayers(cache(), { maxBytes: 1e12 });
      assert.deepEqual([existsSync(dead), existsSync(living)], [false, true]);
    });

    it("fail with the path of a layer that is not there, leaving no file behind", async () => {
      await assert.rejects(cachedLayer(cache(), join(dir, "none")), (error: unknown) => {
        assert.ok(error instanceof HostCallFailed);
        assert.match(error.message, /none: ENOENT/);
        return true;
      });
      assert.ok(!existsSync(cache()) || readdirSync(join(cache(), "tmp")).length === 0);
    });
  });

  describe("for the rootfs of a request", () => {
    const options = () => ({ cacheDir: join(dir, "cache"), scratchDir: join(dir, "scratch"), ownership });
    const unmapped = { isIdMapped: false };
    const overlay = (upper: string, ...lower: string[]) => ({
      type: "overlay",
      source: "overlay",
      target: "",
      options: ["index=off", `workdir=${dir}/work`, `upperdir=${upper}`, `lowerdir=${lower.join(":")}`],
    });

    it("come topmost first, and an empty upper directory adds none", async () => {
      const [top, bottom] = [tree("top", ["links"]), tree("bottom", ["files"])];
      mkdirSync(join(dir, "upper"));
      const rootfs = await prepareRootfs([overlay(join(dir, "upper"), top, bottom)], options());
      assert.ok(rootfs.kind === "layers");
      const expected = [await cachedLayer(join(dir, "cache"), top), await cachedLayer(join(dir, "cache"), bottom)];
      assert.deepEqual(
        rootfs.layers,
        expected.map((image) => ({ ...image, ...unmapped })),
      );
      assert.deepEqual(claims, []);
    });

    it("include an upper directory that has content, for this container alone", async () => {
      const [upper, bottom] = [tree("upper", ["links"]), tree("bottom", ["files"])];
      const rootfs = await prepareRootfs([overlay(upper, bottom)], options());
      assert.ok(rootfs.kind === "layers");
      assert.equal(rootfs.layers.length, 2);
      assert.equal(rootfs.layers[0]?.path, join(dir, "scratch/root.erofs"));
      assert.deepEqual(claims, [{ kind: "path", path: join(dir, "scratch/root.erofs") }]);
    });

    it("are mapped when the mount says so, but for what was written above them", async () => {
      const mount = overlay(tree("upper", ["links"]), tree("bottom", ["files"]));
      const map = ["uidmap=0:100000:65536", "gidmap=0:100000:65536"];
      const rootfs = await prepareRootfs([{ ...mount, options: [...map, ...mount.options] }], options());
      assert.deepEqual(rootfs.kind === "layers" && rootfs.layers.map((layer) => layer.isIdMapped), [false, true]);
    });

    it("are made from a bind-mounted tree without the cache", async () => {
      const mount = { type: "bind", source: tree("a"), target: "", options: ["rbind", "rw"] };
      const rootfs = await prepareRootfs([mount], options());
      assert.ok(rootfs.kind === "layers");
      assert.equal(rootfs.layers.length, 1);
      assert.ok(!existsSync(join(dir, "cache")));
    });

    it("take the file behind a directory where the erofs snapshotter has mounted it", async () => {
      const file = join(dir, "layer.erofs");
      sh('mkfs.erofs --quiet "$1" "$2"; mkdir "$3" "$4"', file, tree("a"), join(dir, "fs"), join(dir, "upper"));
      sh('mount -t erofs -o ro,loop "$1" "$2"', file, join(dir, "fs"));
      try {
        const rootfs = await prepareRootfs([overlay(join(dir, "upper"), join(dir, "fs"))], options());
        assert.ok(rootfs.kind === "layers");
        assert.deepEqual(rootfs.layers, [{ ...(await cachedLayer(join(dir, "cache"), file)), ...unmapped }]);
      } finally {
        sh('umount "$1"', join(dir, "fs"));
      }
    });

    it("are none for an empty list and a plain disk for a block file", async () => {
      assert.deepEqual(await prepareRootfs([], options()), { kind: "none" });
      const mount = { type: "ext4", source: "/var/x/5", target: "", options: ["loop", "rw"] };
      const expected = { kind: "block", path: "/var/x/5", fsType: "ext4", isReadonly: false };
      assert.deepEqual(await prepareRootfs([mount], options()), expected);
    });
  });
});

function hasTool(name: string): boolean {
  try {
    sh('command -v "$1"', name);
    return true;
  } catch {
    return false;
  }
}

function inodeOf(image: LayerImage): string {
  return sh('stat -c %i "$1"', image.path);
}
