// `kata-cvm measure igvm`: the launch digest of a guest that starts from an IGVM file, and what QEMU and
// KVM would make of the file. Exit code 1 when they would refuse it or start something else.
import { toAddress, toHex } from "../measure/hex.ts";
import { type IgvmMeasurement, measureIgvm } from "../measure/igvm/measure-igvm.ts";
import { parseIgvm } from "../measure/igvm/parse.ts";
import { type IgvmFinding, validateForQemu } from "../measure/igvm/validate-for-qemu.ts";
import { idAuthKeyDigests, parseIdBlock } from "../measure/snp/id-block.ts";
import { describeSnpPolicy } from "../measure/snp/policy.ts";
import type { CommandOptions } from "./command.ts";
import { defineKind, measureCommand, settingsOf } from "./measured.ts";
import { readInput } from "./read-input.ts";

const options = {
  igvm: { type: "string", describe: "the IGVM file", demandOption: true },
  platform: { type: "string", describe: "platform of the launch", choices: ["snp"], default: "snp" },
  rules: {
    type: "string",
    describe: "how a loader walks the file: QEMU's way, or COCONUT's igvmmeasure tool",
    choices: ["qemu", "igvmmeasure", "igvmmeasure-native-zero"],
    default: "qemu",
  },
} as const satisfies CommandOptions;

export const igvmKind = defineKind({
  name: "igvm",
  describe: "launch digest of an IGVM file, its policy and ID block, and whether QEMU can start it",
  options,
  async measure(args) {
    const file = parseIgvm(await readInput("--igvm", args.igvm));
    const measured = measureIgvm(file, args.rules);
    const findings = [...validateForQemu(file), ...idBlockFindings(measured)];
    const json = {
      kind: "igvm",
      platform: args.platform,
      rules: args.rules,
      measurement: toHex(measured.measurement),
      policy: measured.policy === undefined ? null : toAddress(measured.policy),
      policyWords: measured.policy === undefined ? null : describeSnpPolicy(measured.policy),
      idBlock: renderIdBlock(measured),
      findings,
    };
    const refused = findings.some((finding) => finding.severity === "refusal");
    const lines = findings.map(({ severity, offset, reason }) => `${severity} at ${toAddress(offset)}: ${reason}`);
    return {
      json,
      text: [json.measurement, ...lines].join("\n"),
      exitCode: refused ? 1 : 0,
      trails: [measured.trail],
      settings: settingsOf(args, options),
    };
  },
});

export const measureIgvmCommand = measureCommand(igvmKind);

/** The PSP compares block and launch only at the end, and says little then. */
function idBlockFindings({ idBlock, policy }: IgvmMeasurement): IgvmFinding[] {
  if (!idBlock) return [];
  const reasons: string[] = [];
  if (policy === undefined) reasons.push("an ID block without a GUEST_POLICY header");
  if (!idBlock.measurementMatches)
    reasons.push("the ID block names another measurement (launch finish: Bad measurement)");
  if (!idBlock.idKeySignatureValid) reasons.push("the ID block's signature does not hold for this policy");
  if (idBlock.authorKeySignatureValid === false) reasons.push("the author's signature over the ID key does not hold");
  return reasons.map((reason) => ({ severity: "refusal", offset: 0, reason }));
}

function renderIdBlock({ idBlock }: IgvmMeasurement) {
  if (!idBlock) return null;
  const fields = parseIdBlock(idBlock.idBlock);
  const keys = idAuthKeyDigests(idBlock.idAuth);
  return {
    measurement: toHex(fields.measurement),
    familyId: toHex(fields.familyId),
    imageId: toHex(fields.imageId),
    guestSvn: fields.guestSvn,
    policy: toAddress(fields.policy),
    idKeyDigest: toHex(keys.idKey),
    authorKeyDigest: keys.authorKey ? toHex(keys.authorKey) : null,
    measurementMatches: idBlock.measurementMatches,
    idKeySignatureValid: idBlock.idKeySignatureValid,
    authorKeySignatureValid: idBlock.authorKeySignatureValid ?? null,
  };
}
