// README's way to install, as far as it needs neither root nor the machine's own folders.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

describe("the program that README's lines copy", () => {
  let dir = "";
  before(function () {
    if (!existsSync("dist/bin/kata-cvm")) {
      console.log("      dist/ is not built: run npm run build");
      this.skip();
    }
    const [line = ""] = /^cp -r .*$/m.exec(readFileSync("README.md", "utf8")) ?? [];
    assert.match(line, / \/opt\/kata-cvm\/$/);
    dir = mkdtempSync(join(tmpdir(), "install-"));
    // twice: an upgrade is the same line
    for (const _ of ["new", "upgrade"]) execFileSync("sh", ["-ec", line.replace("/opt/kata-cvm/", dir)]);
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  const run = (program: string, ...args: readonly string[]) =>
    execFileSync(join(dir, "dist/bin", program), args, { encoding: "utf8", cwd: "/" });

  it("runs where it lies, under each of its names", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    assert.equal(run("kata-cvm", "--version"), `${version}\n`);
    for (const name of ["kata-cvm", "kata-cvm-fast", "kata-cvm-snp", "kata-cvm-tdx"]) {
      assert.match(run(`containerd-shim-${name}-v2`, "-v"), new RegExp(`Version: ${version.replaceAll(".", "\\.")}\n`));
    }
  });

  it("is packed by npm with each of its names", () => {
    const { bin, files } = JSON.parse(readFileSync("package.json", "utf8")) as {
      bin: Readonly<Record<string, string>>;
      files: readonly string[];
    };
    assert.deepEqual(Object.keys(bin).sort(), readdirSync("dist/bin").sort());
    // npm packs no links, so each name leads to a file
    for (const path of Object.values(bin)) assert.ok(files.includes("dist") && lstatSync(path).isFile(), path);
  });

  it("has every module that it may come to load", () => {
    const files = readdirSync(join(dir, "dist"), { recursive: true, encoding: "utf8" });
    const bundles = files.filter((name) => name.endsWith(".cjs")).map((name) => join(dir, "dist", name));
    assert.ok(bundles.length > 8, String(bundles));
    for (const bundle of bundles) {
      const { resolve } = createRequire(bundle);
      for (const [, name = ""] of readFileSync(bundle, "utf8").matchAll(/\brequire\("([^"]+)"\)/g)) {
        if (!isBuiltin(name)) assert.doesNotThrow(() => resolve(name), `${bundle} lacks ${name}`);
      }
    }
    assert.equal(typeof createRequire(join(dir, "dist/cli/cli.cjs"))("koffi").load, "function");
  });
});
