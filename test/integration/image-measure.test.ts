// The measurements of the repository's own image against second implementations: systemd-measure for its UKI (from
// the tools tree that built the image), veritysetup for its root.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measurePcr11, PLAIN_INITRD_PHASES, SYSTEMD_INITRD_PHASES } from "../../src/measure/uki/pcr11.ts";
import { parseUki } from "../../src/measure/uki/uki.ts";
import { imageFolder } from "../lab/handlers.ts";
import { skip } from "../support/tools.ts";

const cache = process.env["KATA_CVM_CACHE"] ?? "/var/cache/kata-cvm";
const measureProgram = "usr/lib/systemd/systemd-measure";
const paths = [...new Set([...SYSTEMD_INITRD_PHASES, ...PLAIN_INITRD_PHASES])];

describe("the repository's guest image", function () {
  this.timeout(120_000);
  const image = imageFolder();
  const dir = mkdtempSync(join(tmpdir(), "image-measure-"));
  const facts = () => JSON.parse(readFileSync(join(image, "image.json"), "utf8")) as { rootHash: string };
  before(function () {
    if (!existsSync(join(image, "image.json"))) skip(this as unknown as Mocha.Context, `no guest image in ${image}`);
  });
  after(() => rmSync(dir, { recursive: true }));

  for (const bank of ["sha1", "sha256", "sha384", "sha512"] as const) {
    it(`has the PCR 11 that systemd-measure calculates from its sections, at every phase, in ${bank}`, function () {
      const program = systemdMeasure(this);
      const { sections } = parseUki(readFileSync(join(image, "uki.efi")));
      const inputs = sections.map(({ name, bytes }) => {
        writeFileSync(join(dir, name), bytes);
        return `--${name.slice(1)}=${join(dir, name)}`;
      });
      const [command = "", ...words] = program;
      const phases = paths.map((path) => `--phase=${path === "" ? ":" : path}`);
      const args = [...words, "calculate", ...inputs, `--bank=${bank}`, ...phases, "--json=short"];
      const rows = (JSON.parse(execFileSync(command, args).toString()) as Rows)[bank] ?? [];
      const peer = Object.fromEntries(rows.map(({ phase = "", hash }) => [phase, hash]));
      const own = paths.map((path) => [path, measurePcr11(sections, bank, path).toString("hex")]);
      assert.deepEqual(Object.fromEntries(own), peer);
    });
  }

  it("has a hash tree that veritysetup verifies, and no longer once one byte of the root has changed", function () {
    if (spawnSync("veritysetup", ["--version"]).status !== 0) skip(this, "needs veritysetup");
    const verify = (root: string) =>
      spawnSync("veritysetup", ["verify", root, join(image, "root.verity"), facts().rootHash]).status;
    assert.equal(verify(join(image, "root.erofs")), 0);
    const changed = join(dir, "root.erofs");
    copyFileSync(join(image, "root.erofs"), changed);
    const file = openSync(changed, "r+");
    writeSync(file, Buffer.from([0xa5]), 0, 1, 100_003);
    closeSync(file);
    assert.notEqual(verify(changed), 0);
  });
});

type Rows = Readonly<Record<string, readonly { readonly phase?: string; readonly hash: string }[]>>;

/** argv of a systemd-measure that knows all sections (254 and newer): the tools tree's, with its own loader. */
function systemdMeasure(test: Mocha.Context): readonly string[] {
  const trees = existsSync(cache) ? readdirSync(cache).filter((name) => /^tools-[0-9a-f]+$/.test(name)) : [];
  const tree = trees.map((name) => join(cache, name)).find((path) => existsSync(join(path, measureProgram)));
  if (tree === undefined) return skip(test, "needs systemd-measure of the tools tree that `npm run image` makes");
  const libraries = ["usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/systemd"].map((path) => join(tree, path));
  return [join(tree, "lib64/ld-linux-x86-64.so.2"), "--library-path", libraries.join(":"), join(tree, measureProgram)];
}
