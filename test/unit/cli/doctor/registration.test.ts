import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
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
    it(`finds the handlers of our RuntimeClasses in the shipped configuration, version ${version}, with names or files`, () => {
      const found = findRegistrations(parse(readFileSync(`configs/containerd/config-v${version}.toml`, "utf8")));
      const classes = readFileSync("configs/runtimeclass.yaml", "utf8").matchAll(/^handler: (.+)$/gm);
      const names = [...classes].map(([, handler = ""]) => handler);
      assert.ok(names.length > 2 && names.every((name) => existsSync(`configs/${name}.toml`)), String(names));
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

  describe("in files that containerd's configuration imports", () => {
    const write = (name: string, ...lines: readonly string[]) => {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), lines.join("\n"));
    };
    const cri = { 2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.runtime" } as const;
    const handler = (version: 2 | 3, name: string, ...lines: readonly string[]) =>
      [`[plugins."${cri[version]}".containerd.runtimes.${name}]`, ...lines].join("\n");
    const ours = 'runtime_type = "io.containerd.kata-cvm.v2"';

    async function seen(): Promise<readonly string[]> {
      makeShim("containerd-shim-kata-cvm-v2");
      write("etc/kata-cvm.toml");
      const checks = await checkRegistration({
        containerdConfig: join(dir, "config.toml"),
        configDir: join(dir, "etc"),
      });
      return checks
        .filter(({ name }) => name.startsWith("containerd"))
        .map(({ status, found }) => `${status}: ${found}`);
    }

    it("finds our handlers: by a pattern beside it, by a plain name, by a file that is imported itself", async () => {
      write("config.toml", "version = 3", `imports = ["conf.d/*.toml", "${join(dir, "more.toml")}"]`);
      write("conf.d/20-b.toml", "version = 3", handler(3, "b", ours));
      write("conf.d/10-a.toml", "version = 3", handler(3, "a", ours));
      write("conf.d/ignored.toml.bak", "not TOML");
      write("more.toml", "version = 3", `imports = ["deep/[xy]/?-*.toml", "config.toml"]`, handler(3, "c", ours));
      write("deep/x/1-d.toml", handler(3, "d", ours));
      write("deep/z/1-e.toml", handler(3, "e", ours));
      assert.deepEqual(await seen(), ["ok: registered as a, b, c, d"]);
    });

    it("takes the later file's words of a handler, and the earlier one's for the rest", async () => {
      write(
        "config.toml",
        "version = 3",
        'imports = ["*.d/over.toml"]',
        handler(3, "a", ours, 'runtime_path = "/none"'),
      );
      write("conf.d/over.toml", handler(3, "a", `runtime_path = "${join(dir, "ours")}"`));
      makeShim("ours");
      assert.deepEqual(await seen(), ["ok: registered as a"]);
      const checks = await checkRegistration({ containerdConfig: join(dir, "config.toml"), configDir: dir });
      assert.deepEqual(
        checks.filter(({ name }) => name === "shim").map(({ status, origin }) => [status, origin]),
        [["ok", join(dir, "ours")]],
      );
    });

    it("counts a handler once that stands there under the names of two versions", async () => {
      write("config.toml", "version = 2", 'imports = ["conf.d/*"]', handler(2, "a", ours));
      write("conf.d/a.toml", "version = 3", handler(3, "a", ours));
      assert.deepEqual(await seen(), ["ok: registered as a"]);
    });

    it("tells which ones containerd 1.6 and 1.7 do not see, whose last file has a plugin's section for itself", async () => {
      write("config.toml", "version = 2", 'imports = ["conf.d/*.toml"]', handler(2, "a", ours));
      write("conf.d/b.toml", "version = 2", handler(2, "b", ours));
      assert.deepEqual(await seen(), [
        "ok: registered as a, b",
        "warn: containerd 1.6 and 1.7 do not see a: they take the plugin's section of the last file alone",
      ]);
    });

    it("names the file that is wrong, and one that is missing", async () => {
      write("config.toml", 'imports = ["b.toml"]');
      assert.deepEqual(await seen(), [
        `fail: ${join(dir, "b.toml")}, which it imports, is not there: containerd does not start`,
      ]);
      write("b.toml", "=");
      assert.match((await seen())[0] ?? "", /^fail: invalid configuration: .*\/b\.toml: \(file\): is not TOML/);
    });
  });
});
