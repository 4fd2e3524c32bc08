import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { probeKvm } from "../../../src/host/accel.ts";
import { kvmPayloadExitCode, renderKvmPayload } from "../../../src/host/kvm-payload.ts";
import { skip } from "../../support/tools.ts";

const qemu = "/usr/bin/qemu-system-x86_64";
const source = join(import.meta.dirname, "../../../src/host/kvm-payload.S");

describe("the KVM self-test", () => {
  let dir = "";
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "kata-kvm-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** A program in QEMU's place, for what a real one does only on other machines. */
  const fake = (script: string): string => {
    const path = join(dir, "qemu");
    writeFileSync(path, `#!/bin/sh\necho run >> ${dir}/runs\n${script}\n`, { mode: 0o755 });
    return path;
  };
  const runs = () => readFileSync(join(dir, "runs"), "utf8").split("\n").length - 1;

  it("has a payload that is its assembly source", function () {
    if (!existsSync("/usr/bin/as")) skip(this, "needs /usr/bin/as");
    execFileSync("as", ["--64", source, "-o", join(dir, "p.o")]);
    execFileSync("objcopy", ["-O", "binary", join(dir, "p.o"), join(dir, "p.bin")]);
    assert.ok(readFileSync(join(dir, "p.bin")).equals(renderKvmPayload()));
  });

  it("has a payload that a working machine runs to its end", function () {
    if (!existsSync(qemu)) skip(this, `needs ${qemu}`);
    const bios = join(dir, "p.bin");
    writeFileSync(bios, renderKvmPayload());
    const argv = "-accel tcg -machine q35 -cpu max -m 64 -nodefaults -no-user-config -display none".split(" ");
    const device = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-bios", bios];
    const ran = () => execFileSync(qemu, [...argv, ...device], { timeout: 10_000, stdio: "ignore" });
    assert.throws(ran, { status: kvmPayloadExitCode });
  });

  it("finds out in time that this KVM cannot run a guest", async function () {
    const flags = readFileSync("/proc/cpuinfo", "utf8");
    if (!existsSync("/dev/kvm") || !existsSync(qemu) || /^flags.* (svm|vmx) /m.test(flags)) {
      skip(this, "needs QEMU and a /dev/kvm that cannot run a guest");
    }
    for (const cpu of ["host", "qemu64"]) {
      const started = performance.now();
      const verdict = await probeKvm({ qemu, cpu, runDir: dir });
      assert.ok(performance.now() - started < 2_500);
      assert.ok(!verdict.usable);
      assert.match(verdict.reason, cpu === "host" ? /MSR/ : /KVM internal error/);
    }
  });

  describe("where /dev/kvm can be opened", () => {
    before(function () {
      if (!existsSync("/dev/kvm")) skip(this, "needs /dev/kvm");
    });

    it("believes only the payload's own exit code", async () => {
      const verdictOf = async (code: number) =>
        await probeKvm({ qemu: fake(`exit ${code}`), cpu: `c${code}`, runDir: dir });
      assert.deepEqual(await verdictOf(85), { usable: true });
      assert.deepEqual(await verdictOf(0), { usable: false, reason: "QEMU exited with 0 in the self-test" });
    });

    it("runs once a boot for a QEMU and CPU model", async () => {
      const test = { qemu: fake("exit 85"), cpu: "host", runDir: join(dir, "run") };
      await probeKvm(test);
      await probeKvm(test);
      assert.equal(runs(), 1);
      await probeKvm({ ...test, cpu: "EPYC-v4" });
      assert.equal(runs(), 2);
      for (const name of readdirSync(join(dir, "run"))) {
        if (name.endsWith(".json")) writeFileSync(join(dir, "run", name), "{");
      }
      await probeKvm(test);
      assert.equal(runs(), 3);
    });

    it("ends a guest that hangs, and says so", async () => {
      const verdict = await probeKvm({ qemu: fake("sleep 60"), cpu: "host", runDir: dir, timeoutMs: 200 });
      assert.deepEqual(verdict, { usable: false, reason: "the self-test's guest did not finish within 200 ms" });
    });

    it("names a QEMU that is not there", async () => {
      await assert.rejects(probeKvm({ qemu: "/nowhere/qemu-system-x86_64", cpu: "host", runDir: dir }), {
        code: "EnvironmentLacks",
        fix: "install the Debian package qemu-system-x86",
      });
    });
  });
});
