// Launch failures that need hardware which is not here: a QEMU that dies on cue with the words QEMU
// has for them, at the moment when QEMU says them (confidential-launch facts, section 2.2).
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findProcesses } from "../../src/host/process.ts";
import { LaunchFailed } from "../../src/lib/errors.ts";
import type { LaunchPlan, TeePlan } from "../../src/plan/launch-plan.ts";
import { bootVm } from "../../src/vm/boot.ts";
import { idlePlan, OwnedList } from "../support/vm-plans.ts";

const fake = fileURLToPath(new URL("../fakes/dying-qemu.cjs", import.meta.url));
const snp: TeePlan = {
  kind: "snp",
  cbitpos: 51,
  reducedPhysBits: 1,
  policy: "0x30000",
  kernelHashes: true,
  guestFeatures: "0x1",
};
const tdx: TeePlan = { kind: "tdx" };

interface Fault {
  readonly tee: TeePlan;
  /** `start`, or the command that QEMU does not survive */
  readonly at: string;
  readonly words: string;
  readonly reason: string;
}

const faults: readonly Fault[] = [
  {
    tee: snp,
    at: "start",
    words: "qemu-system-x86_64: sev_common_kvm_init: cbitpos check failed, host '51' requested '47'",
    reason: "wrong-cbitpos",
  },
  {
    tee: snp,
    at: "start",
    words: "qemu-system-x86_64: SNP_LAUNCH_START ret=-5 fw_error=7 'Policy is not allowed'",
    reason: "policy-refused",
  },
  {
    tee: snp,
    at: "start",
    words: "qemu-system-x86_64: sev_common_kvm_init: failed to initialize ret=-16 fw_error=0 ''",
    reason: "out-of-asids",
  },
  {
    tee: snp,
    at: "start",
    words: "qemu-system-x86_64: SEV: kernel specified but guest firmware has no hashes table GUID",
    reason: "firmware-without-tee-metadata",
  },
  {
    tee: snp,
    at: "cont",
    words: "qemu-system-x86_64: SNP_LAUNCH_FINISH ret=-5 fw_error=11 'Bad measurement'",
    reason: "id-block-mismatch",
  },
  {
    tee: snp,
    at: "cont",
    words: "qemu-system-x86_64: SEV-SNP: CPUID validation failed for function 0x80000021",
    reason: "snp-page-refused",
  },
  {
    tee: snp,
    at: "cont",
    words: "qemu-system-x86_64: ../target/i386/sev.c:1640: f: Assertion `sev_snp->kernel_hashes_data' failed.",
    reason: "qemu-assertion",
  },
  {
    tee: tdx,
    at: "start",
    words: "qemu-system-x86_64: Failed to find TDX metadata in firmware",
    reason: "firmware-without-tee-metadata",
  },
  { tee: tdx, at: "start", words: "qemu-system-x86_64: mlock: Cannot allocate memory", reason: "memlock-limit" },
  {
    tee: tdx,
    at: "start",
    words: "qemu-system-x86_64: Invalid parameter 'quote-generation-socket'",
    reason: "quote-socket-missing",
  },
];

describe("a launch that the hardware or QEMU refuses", function () {
  this.timeout(30_000);
  let dir: string;
  let ownership: OwnedList;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "fault-"));
    ownership = new OwnedList();
  });
  afterEach(async () => {
    const left = await findProcesses(dir);
    rmSync(dir, { recursive: true, force: true });
    assert.deepEqual(left, []);
    assert.deepEqual(ownership.owned, []);
  });

  const launch = (tee: TeePlan, cue: { at: string; words: string }): LaunchPlan => ({
    ...idlePlan(dir),
    tee,
    qemu: cueing(dir, cue),
  });

  for (const { tee, at, words, reason } of faults) {
    it(`is named ${reason} when QEMU dies at ${at}, with QEMU's own words`, async () => {
      await assert.rejects(bootVm(launch(tee, { at, words }), { ownership }), (error) => {
        assert.ok(error instanceof LaunchFailed, String(error));
        assert.deepEqual([error.reason, error.evidence], [reason, words]);
        return true;
      });
    });
  }

  it("is refused when QEMU runs the guest without encryption", async () => {
    const plan = launch(snp, { at: "never", words: "" });
    await assert.rejects(bootVm(plan, { ownership }), (error) => {
      assert.ok(error instanceof LaunchFailed, String(error));
      assert.equal(error.reason, "not-encrypted");
      return true;
    });
  });
});

/** A program that runs the fake with its cue; a VM's processes inherit no environment. */
function cueing(dir: string, { at, words }: { at: string; words: string }): string {
  const path = join(dir, "qemu-system-x86_64");
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  writeFileSync(path, `#!/bin/sh\nFAKE_AT=${quoted(at)} FAKE_SAY=${quoted(words)} exec ${quoted(fake)} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}
