// README promise: what a pod measures to is known before it boots, and a pod can prove it. The registers are those
// of a guest that containerd started, quoted by its TPM for a container's request.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { extendAll } from "../../src/measure/tpm/pcr.ts";
import { digestContainerMeasurement, renderContainerMeasurement } from "../../src/oci/container-measurement.ts";
import type { ContainerSpec } from "../../src/oci/types.ts";
import { runCommand } from "../lab/command.ts";
import { classConfig } from "../lab/handlers.ts";
import { repository } from "../lab/tools.ts";
import { BOOT_LIMIT_MS, IS_OURS, usePods } from "../support/e2e.ts";

const INITDATA_ANNOTATION = "io.katacontainers.config.hypervisor.cc_init_data";
const document = (endpoint: string) =>
  `version = "0.1.0"\nalgorithm = "sha256"\n[data]\n"aa.toml" = "[token_configs.kbs]\\nurl = '${endpoint}'\\n"\n`;

interface Good {
  readonly value: string;
  readonly label: string;
}
interface Reference {
  readonly values: Readonly<Record<string, readonly Good[]>>;
}
interface Evidence {
  readonly nonce: string;
  readonly initdata?: string;
  readonly tpm: { readonly userspaceLog: string; readonly pcrs: { readonly sha256: Readonly<Record<string, string>> } };
}

(IS_OURS ? describe : describe.skip)("a measured pod", function () {
  this.timeout(60_000);
  this.bail(true);
  const e2e = usePods({ handler: "kata-cvm" });
  const dir = mkdtempSync(join(tmpdir(), "kata-cvm-measured-"));
  const file = (name: string, content: string): string => {
    writeFileSync(join(dir, name), content);
    return join(dir, name);
  };
  const nonce = randomBytes(32).toString("hex");
  const initdata = file("initdata.toml", document("https://kbs.example"));
  const config = file("kata-cvm.toml", classConfig("kata-cvm"));
  let container: string;
  let evidence: Evidence;
  let evidenceFile: string;
  let reference: Reference;
  after(() => rmSync(dir, { recursive: true }));

  before(async () => {
    const { json } = await tool(["reference", "--config", config, "--initdata", initdata]);
    reference = json as Reference;
  });

  it("gives evidence for a nonce to a container that asks on localhost", async function () {
    this.timeout(BOOT_LIMIT_MS);
    const annotation = gzipSync(document("https://kbs.example")).toString("base64");
    const pod = await e2e.cri.runPod({ annotations: { [INITDATA_ANNOTATION]: annotation } });
    container = await e2e.cri.start(pod);
    const url = `http://127.0.0.1:8006/aa/evidence?runtime_data=${nonce}&encoding=hex`;
    const text = await e2e.cri.exec(container, ["wget", "-q", "-O", "-", url], { timeoutMs: 60_000 });
    evidenceFile = file("evidence.json", text);
    evidence = JSON.parse(text) as Evidence;
    assert.equal(evidence.nonce, nonce);
    assert.equal(evidence.initdata, document("https://kbs.example"));
  });

  for (const register of [4, 7, 8, 9, 11, 12, 13]) {
    it(`has in PCR ${register} a value that was predicted`, () => {
      const good = reference.values[`pcr.sha256.${register}`]?.map(({ value }) => value) ?? [];
      assert.ok(good.includes(evidence.tpm.pcrs.sha256[register] ?? ""), `${evidence.tpm.pcrs.sha256[register]}`);
    });
  }

  it("has reached the last boot phase in PCR 11, so that its value will not change", () => {
    const reached = reference.values["pcr.sha256.11"]?.find(({ value }) => value === evidence.tpm.pcrs.sha256["11"]);
    assert.equal(reached?.label, "after sysinit:ready");
  });

  it("passes verification against the reference, with logs that replay to the quoted registers", async () => {
    const { exitCode, json } = await verify();
    const { checks } = json as { checks: readonly { name: string; ok: boolean; detail: string }[] };
    assert.deepEqual(
      checks.filter(({ ok }) => !ok),
      [],
    );
    assert.equal(exitCode, 0);
    assert.ok(checks.some(({ name, detail }) => name === "tpm.eventLog.sha256" && /all 15/.test(detail)));
  });

  it("has measured its containers into PCR 14 before they ran: their layers and what decides what they may do", async () => {
    const { json } = await verify();
    const { claims } = json as { claims: { tpm: { containers: readonly string[] } } };
    const measured = claims.tpm.containers.map((text) => JSON.parse(text) as { layers: readonly string[] });
    const { info } = JSON.parse(await e2e.cri.text(["inspect", container])) as { info: { runtimeSpec: ContainerSpec } };
    const { process, root, mounts = [], linux } = info.runtimeSpec;
    const predicted = renderContainerMeasurement({
      layers: measured[1]?.layers ?? [],
      process,
      readonlyRoot: root.readonly ?? false,
      mounts: mounts.map(({ destination }) => destination),
      linux,
    });
    assert.equal(claims.tpm.containers.length, 2, "the sandbox and the container");
    assert.equal(claims.tpm.containers[1], predicted);
    for (const hash of measured.flatMap(({ layers }) => layers)) assert.match(hash, /^[0-9a-f]{64}$/);
    const digests = claims.tpm.containers.map(digestContainerMeasurement);
    assert.equal(evidence.tpm.pcrs.sha256["14"], extendAll("sha256", digests).toString("hex"));
  });

  it("fails verification when the text of a container is not what was measured", async () => {
    const log = Buffer.from(evidence.tpm.userspaceLog, "base64").toString("utf8");
    const told = log.replace("sleep 0.2", "sleep 0.3");
    assert.notEqual(told, log);
    const tpm = { ...evidence.tpm, userspaceLog: Buffer.from(told).toString("base64") };
    const { exitCode, json } = await verify({ evidence: file("told.json", JSON.stringify({ ...evidence, tpm })) });
    const { checks } = json as { checks: readonly { name: string; ok: boolean }[] };
    assert.deepEqual([exitCode, checks.find(({ name }) => name === "tpm.containers")?.ok], [1, false]);
  });

  it("fails verification for another nonce", async () => {
    assert.equal((await verify({ nonce: "00".repeat(32) })).exitCode, 1);
  });

  it("fails verification against the reference of a pod with other initdata, and of one without", async () => {
    const other = file("other.toml", document("https://elsewhere.example"));
    for (const given of [["--initdata", other], []]) {
      const { json } = await tool(["reference", "--config", config, ...given]);
      const { exitCode, json: verdict } = await verify({ reference: json as Reference });
      const failed = (verdict as { checks: readonly { name: string; ok: boolean }[] }).checks.filter(({ ok }) => !ok);
      assert.deepEqual([exitCode, failed.map(({ name }) => name)], [1, ["reference.pcr.sha256.8"]]);
    }
  });

  it("fails verification when one digit of the kernel's reference differs", async () => {
    const [good] = reference.values["pcr.sha256.4"] ?? [];
    const value = `${good?.value.startsWith("0") ? "1" : "0"}${good?.value.slice(1)}`;
    const changed = { ...reference, values: { ...reference.values, "pcr.sha256.4": [{ value, label: "" }] } };
    assert.equal((await verify({ reference: changed })).exitCode, 1);
  });

  it("fails verification when a register or the initdata in the evidence was edited", async () => {
    const pcrs = { sha256: { ...evidence.tpm.pcrs.sha256, 4: "00".repeat(32) } };
    const edited = [
      { ...evidence, tpm: { ...evidence.tpm, pcrs } },
      { ...evidence, initdata: document("https://elsewhere.example") },
    ];
    for (const lie of edited) {
      const told = file("edited.json", JSON.stringify(lie));
      assert.equal((await verify({ evidence: told })).exitCode, 1);
    }
  });

  async function verify(changes: { nonce?: string; reference?: Reference; evidence?: string } = {}) {
    const good = file("reference.json", JSON.stringify(changes.reference ?? reference));
    const files = ["--evidence", changes.evidence ?? evidenceFile, "--reference", good];
    // without a TEE there is swtpm alone
    return await tool(["verify", ...files, "--allow-unbound", "--nonce", changes.nonce ?? nonce]);
  }
});

/** The command-line tool of this checkout; throws unless it printed one JSON document. */
async function tool(args: readonly string[]): Promise<{ exitCode: number; json: unknown }> {
  const argv = [process.execPath, "--import", "tsx", join(repository, "src/cli.ts"), ...args, "--json"];
  const { code: exitCode, stdout, stderr } = await runCommand(argv, { timeoutMs: 60_000 });
  try {
    return { exitCode, json: JSON.parse(stdout.toString("utf8")) };
  } catch {
    throw new Error(`kata-cvm ${args[0]} ended with ${exitCode}: ${stderr}`);
  }
}
