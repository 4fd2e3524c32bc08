// sev-snp-measure, where it is on PATH or the bench has installed it, must agree on the firmware of this
// machine for every combination that both know.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureSnpCommand } from "../../../../src/cli/measure-snp.ts";
import { installedPeer } from "../../../support/sev-snp-measure.ts";
import { svsmBinary, svsmFirmware, svsmVarsBytes } from "../../../support/svsm-image.ts";
import { optionalFixture, skip, tool } from "../../../support/tools.ts";

const OVMF = "/usr/share/ovmf/OVMF.fd";

describe("measure snp and sev-snp-measure", () => {
  it("agree on vCPU counts, CPU models, VMMs, guest features, modes and kernels", async function () {
    this.timeout(120_000);
    const peer = installedPeer()?.tool ?? [tool(this, "sev-snp-measure")];
    const suffix = optionalFixture("snp/ovmf_AmdSev_suffix.bin");
    if (!suffix && !existsSync(OVMF)) skip(this, "no firmware on this machine");
    const dir = mkdtempSync(join(tmpdir(), "kata-cvm-peer-"));
    try {
      const ovmf = join(dir, "OVMF.fd");
      writeFileSync(ovmf, suffix ?? readFileSync(OVMF));
      const blob = join(dir, "blob");
      writeFileSync(blob, Buffer.alloc(70_001, 5));
      const kernel = suffix ? { kernel: blob, initrd: blob, append: "root=/dev/vda1 quiet" } : {};
      for (const args of combinations()) {
        const { vmm = "qemu", ...rest } = args;
        const peerArgs = { ovmf, ...kernel, ...rest, "vmm-type": vmm === "qemu" ? "QEMU" : vmm };
        const words = Object.entries(peerArgs).flatMap(([name, value]) => [`--${name}`, String(value)]);
        const own = await measureSnpCommand.run({ ovmf, ...kernel, ...args });
        assert.equal(own.text, output(peer, words), words.join(" "));
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it("agree on a guest with an SVSM before IGVM", async function () {
    this.timeout(120_000);
    const peer = installedPeer()?.tool ?? [tool(this, "sev-snp-measure")];
    const dir = mkdtempSync(join(tmpdir(), "kata-cvm-peer-"));
    try {
      const [ovmf, svsm] = [join(dir, "OVMF.fd"), join(dir, "svsm.bin")];
      writeFileSync(ovmf, svsmFirmware());
      writeFileSync(svsm, svsmBinary());
      for (const vcpus of [1, 5]) {
        const args = { mode: "snp:svsm", ovmf, svsm, "vars-size": svsmVarsBytes, vcpus, "vcpu-type": "EPYC-Genoa" };
        const words = Object.entries(args).flatMap(([name, value]) => [`--${name}`, String(value)]);
        assert.equal((await measureSnpCommand.run(args)).text, output(peer, words));
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

function output([program = "", ...first]: readonly string[], words: readonly string[]): string {
  const { stdout, stderr } = spawnSync(program, [...first, ...words], { encoding: "utf8" });
  assert.notEqual(stdout, "", stderr);
  return stdout.trim();
}

function combinations(): Readonly<Record<string, unknown>>[] {
  const types = ["EPYC", "EPYC-v4", "EPYC-Rome", "EPYC-Milan-v2", "EPYC-Genoa", "EPYC-Turin"];
  const list: Record<string, unknown>[] = types.map((type, index) => ({
    mode: "snp",
    "vcpu-type": type,
    vcpus: index + 1,
    "guest-features": index % 2 ? "0x21" : "0x1",
  }));
  const rest: readonly Record<string, unknown>[] = [
    { mode: "snp", vmm: "ec2", vcpus: 3 },
    { mode: "snp", vmm: "gce", vcpus: 2 },
    { mode: "seves", vcpus: 2 },
    { mode: "sev" },
  ];
  for (const one of rest) list.push({ "vcpu-type": "EPYC-v4", "guest-features": "0x1", ...one });
  return list;
}
