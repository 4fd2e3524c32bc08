import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "smol-toml";
import { checkRegistration, findRegistrations, type Places } from "../../../../src/cli/doctor/registration.ts";
import { InvalidRequest } from "../../../../src/lib/errors.ts";

describe("doctor, on how containerd comes to us", () => {
  let dir = "";
  const path = process.env["PATH"];
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "kata-doctor-"));
    mkdirSync(join(dir, "etc"));
    process.env["PATH"] = dir;
  });
  afterEach(() => {
    process.env["PATH"] = path;
    rmSync(dir, { recursive: true });
  });

  const makeShim = (name: string) => writeFileSync(join(dir, name), "", { mode: 0o755 });

  /** Name, status and origin of each check, for a containerd with these runtimes: handler, type, further lines. */
  async function look(runtimes: readonly (readonly string[])[], places: Partial<Places> = {}) {
    const text = runtimes.map(([handler = "", type = "", ...rest]) =>
      [`[plugins.cri.runtimes.${handler}]`, `runtime_type = "${type}"`, ...rest].join("\n"),
    );
    const containerdConfig = join(dir, "config.toml");
    if (text.length > 0) writeFileSync(containerdConfig, text.join("\n"));
    const checks = await checkRegistration({ containerdConfig, configDir: join(dir, "etc"), ...places });
    return checks.map(({ name, status, found }) => [name, status, found].join(": "));
  }

  for (const version of [2, 3, 4]) {
    it(`finds our handlers in the shipped configuration, version ${version}, with their names or files`, () => {
      const found = findRegistrations(parse(readFileSync(`configs/containerd/config-v${version}.toml`, "utf8")));
      const names = ["kata-cvm", "kata-cvm-snp", "kata-cvm-tdx"];
      assert.deepEqual(
        found.map(({ handler, name, configPath }) => [handler, configPath ?? `/etc/kata-cvm/${name}.toml`]),
        names.map((name) => [name, `/etc/kata-cvm/${name}.toml`]),
      );
    });
  }

  it("looks for the shim and the configuration of each registered name, of ours and of those with a file of ours", async () => {
    makeShim("containerd-shim-kata-cvm-snp-v2");
    writeFileSync(join(dir, "etc/secure.toml"), "");
    const checks = await look([
      ["runc", "io.containerd.runc.v2"],
      ["snp", "io.containerd.kata-cvm-snp.v2"],
      ["secure", "io.containerd.secure.v2"],
    ]);
    assert.deepEqual(checks, [
      "containerd handler: ok: registered as snp, secure",
      "shim: ok: on the path; containerd looks on its own",
      "shim: warn: containerd-shim-secure-v2 is not on the path",
      "configuration of snp: warn: is not there: no pod of this handler starts",
      "configuration of secure: ok: there",
    ]);
  });

  it("believes a handler that names the shim's place and the configuration's", async () => {
    makeShim("ours");
    writeFileSync(join(dir, "etc/other.toml"), "");
    const at = `runtime_path = "${join(dir, "ours")}"`;
    const options = `options = { ConfigPath = "${join(dir, "etc/other.toml")}" }`;
    assert.deepEqual(await look([["secure", "io.containerd.secure.v2", at, options]]), [
      "containerd handler: ok: registered as secure",
      "shim: ok: where containerd's configuration says",
      "configuration of secure: ok: there",
    ]);
  });

  it("looks for the default where containerd has no configuration or nothing of ours", async () => {
    const shim = "shim: warn: containerd-shim-kata-cvm-v2 is not on the path";
    assert.deepEqual(await look([]), ["containerd handler: warn: containerd has no configuration", shim]);
    assert.deepEqual(await look([["runc", "io.containerd.runc.v2"]]), [
      "containerd handler: warn: no runtime of type io.containerd.kata-cvm.v2",
      shim,
    ]);
  });

  it("looks for the types it is told, whatever is registered", async () => {
    makeShim("containerd-shim-mine-v2");
    const runtimeTypes = ["io.containerd.mine.v2"];
    assert.deepEqual(await look([["snp", "io.containerd.kata-cvm-snp.v2"]], { runtimeTypes }), [
      "containerd handler: warn: no runtime of type io.containerd.mine.v2",
      "shim: ok: on the path; containerd looks on its own",
    ]);
    await assert.rejects(look([], { runtimeTypes: ["runc"] }), InvalidRequest);
  });
});
