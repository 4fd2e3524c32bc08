// Real QEMUs judge the plans: by their schema for every option and step, and by being started. Without the
// hardware a confidential plan must end in exactly one complaint, and boot once its TEE object is taken away.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../../src/config/parse.ts";
import { InvalidConfig, InvalidRequest, LaunchFailed } from "../../src/lib/errors.ts";
import type { Ownership } from "../../src/lib/owned.ts";
import type { LaunchPlan } from "../../src/plan/launch-plan.ts";
import { planLaunch } from "../../src/plan/plan-launch.ts";
import { renderQemuArgv } from "../../src/plan/qemu-argv.ts";
import { renderQmpSteps } from "../../src/plan/qmp-steps.ts";
import { bootVm } from "../../src/vm/boot.ts";
import { openQemuJudge, type QemuJudge } from "../support/qemu-judge.ts";
import { isProgram, newerQemu, systemQemu } from "../support/qemus.ts";
import { skip } from "../support/tools.ts";
import { hostFacts, type PlanCase, planCases } from "../unit/plan/cases.ts";
import { randomConfig, randomPod, seededRandom } from "../unit/plan/random-config.ts";

const nobody: Ownership = { claim: async () => undefined, release: async () => undefined };
const objectOf: Readonly<Record<string, string>> = { snp: "sev-snp-guest", tdx: "tdx-guest" };

/** What this QEMU lacks for the case, or undefined. */
function lacks(judge: QemuJudge, { config }: PlanCase): string | undefined {
  const needed = [objectOf[config.vm.tee], config.paths.igvm === "" ? undefined : "igvm-cfg"];
  return needed.find((type) => type !== undefined && !judge.objects.has(type));
}

for (const qemu of [systemQemu, newerQemu]) {
  describe(`${qemu} as judge`, function () {
    this.timeout(120_000);
    let judge: QemuJudge;
    let dir: string;

    before(async function () {
      if (!isProgram(qemu)) {
        if (process.env["REQUIRE"]?.includes("qemu")) assert.fail(`${qemu} is required`);
        skip(this, `needs ${qemu}`);
      }
      judge = await openQemuJudge(qemu);
      dir = mkdtempSync(join(tmpdir(), "judge-"));
    });
    after(() => {
      if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
    });

    /** The case with this QEMU, on files that exist, without the network that a test machine lacks. */
    function planHere(planCase: PlanCase): LaunchPlan {
      const file = (name: string) => {
        const path = join(dir, name);
        writeFileSync(path, bootSector());
        return path;
      };
      const { netns: _, ...pod } = planCase.pod;
      const { paths } = planCase.config;
      const igvm = paths.igvm === "" ? "" : file("firmware.igvm");
      const firmware = paths.firmware.startsWith("/") ? "/usr/share/ovmf/OVMF.fd" : paths.firmware;
      const image = { ...hostFacts.image, dir };
      for (const name of image.files) file(name);
      return planLaunch(
        { ...planCase.config, paths: { ...paths, qemu, firmware, igvm } },
        { ...hostFacts, image, vhostVsock: false },
        { ...pod, nics: [], runDir: dir, layers: (pod.layers ?? []).map(({ id }) => ({ id, path: file(id) })) },
      );
    }

    for (const planCase of planCases()) {
      it(`knows every object, option and command of ${planCase.name}`, function () {
        if (lacks(judge, planCase)) skip(this, "this QEMU has not what the plan needs");
        const plan = planLaunch(planCase.config, hostFacts, planCase.pod);
        assert.deepEqual(judge.judge(renderQemuArgv(plan), renderQmpSteps(plan)), []);
      });

      if (planCase.config.vm.tee === "none") continue;
      it(`refuses ${planCase.name} only for the missing hardware`, async function () {
        if (lacks(judge, planCase)) skip(this, "this QEMU has not what the plan needs");
        const plan = planHere(planCase);
        const name = plan.tee.kind === "tdx" ? "TDX" : "SEV-SNP";
        await assert.rejects(bootVm(plan, { ownership: nobody }), (error) => {
          assert.ok(error instanceof LaunchFailed, String(error));
          assert.equal(error.reason, "tee-not-in-kvm");
          assert.match(error.evidence, new RegExp(`: vm-type ${name} not supported by KVM$`));
          return true;
        });
      });

      it(`runs ${planCase.name} under TCG without its TEE object`, async function () {
        if (planCase.config.paths.igvm !== "") skip(this, "its IGVM file is of the confidential guest alone");
        const plan = planHere(planCase);
        const plain = {
          ...plan,
          tee: { kind: "none" },
          accelerator: "tcg",
          cpu: { ...plan.cpu, model: "max" },
        } as const;
        await using vm = await bootVm(plain, { ownership: nobody });
        assert.deepEqual((await vm.qmp.execute("query-status", {})).status, "running");
      });
    }

    it("accepts every plan of 10,000 random configurations, or configuration or pod was refused by key", () => {
      const seed = Number(process.env["SEED"] ?? 20261123);
      const random = seededRandom(seed);
      const tally = { planned: 0, refused: 0 };
      for (let run = 0; run < 10_000; run++) {
        const text = randomConfig(random);
        const about = `seed ${seed}, run ${run}:\n${text}`;
        try {
          const { config } = parseConfig([{ path: "random.toml", text }]);
          const plan = planLaunch(config, { ...hostFacts, image: imageWithEsp }, randomPod(random));
          const complaints = judge.judge(renderQemuArgv(plan), renderQmpSteps(plan));
          const excused = complaints.filter((complaint) => !isForeign(judge, complaint));
          assert.deepEqual(excused, [], about);
          tally.planned++;
        } catch (error) {
          if (error instanceof InvalidRequest) assert.match(error.message, /\(vm\.max_\w+\)/, about);
          else if (!(error instanceof InvalidConfig))
            throw error instanceof assert.AssertionError ? error : new Error(about, { cause: error });
          else for (const { key } of error.problems) assert.match(key, /^\w+\.\w+$|^\w+$/, about);
          tally.refused++;
        }
      }
      assert.ok(tally.planned > 1000 && tally.refused > 1000, JSON.stringify(tally));
    });
  });
}

/** The least that QEMU takes for a Linux kernel (boot protocol 2.12: magic at 0x202, version at 0x206). */
function bootSector(): Buffer {
  const bytes = Buffer.alloc(32_768);
  bytes[0x1f1] = 4;
  bytes.write("HdrS", 0x202, "latin1");
  bytes.writeUInt16LE(0x020c, 0x206);
  bytes.writeUInt32LE(0x7fff_ffff, 0x22c);
  return bytes;
}

const imageWithEsp = { ...hostFacts.image, files: [...hostFacts.image.files, "esp.img"] };

/** Objects that this QEMU was built without are the host probe's business, not the plan's. */
function isForeign(judge: QemuJudge, complaint: string): boolean {
  if (!judge.objects.has("igvm-cfg") && /igvm/.test(complaint)) return true;
  return !judge.objects.has("tdx-guest") && /tdx-guest/.test(complaint);
}
