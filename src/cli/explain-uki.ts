// The registers of a UKI as histories, for `kata-cvm explain uki`.
import { toHex } from "../measure/hex.ts";
import { BANK_SIZES, extend, type PcrBank } from "../measure/tpm/pcr.ts";
import type { Step, Trail } from "../measure/trail.ts";
import { type MeasuredStep, measureSections } from "../measure/uki/pcr11.ts";
import { pcr4Steps, pcr9Steps } from "../measure/uki/predict-pcrs.ts";
import { parseUki } from "../measure/uki/uki.ts";
import type { CommandOptions } from "./command.ts";
import { defineKind, settingsOf } from "./measured.ts";
import { readInput } from "./read-input.ts";

const options = {
  uki: { type: "string", describe: "the image", demandOption: true },
  bank: { type: "string", describe: "PCR bank", choices: ["sha1", "sha256", "sha384", "sha512"], default: "sha256" },
  boot: { type: "string", describe: "who loads the image", choices: ["direct", "disk"], default: "direct" },
} as const satisfies CommandOptions;

export const ukiKind = defineKind({
  name: "uki",
  describe: "PCR 4, 9 and 11 of a unified kernel image",
  options,
  async measure(args) {
    const { bank, boot } = args;
    const uki = parseUki(await readInput("--uki", args.uki));
    const linux = pcr9Steps(uki, bank);
    const trails = [
      trailOf("pcr4", bank, pcr4Steps(uki, bank, boot)),
      ...("unknown" in linux ? [] : [trailOf("pcr9", bank, linux.steps)]),
      trailOf("pcr11", bank, measureSections(uki.sections, bank)),
    ];
    const values = Object.fromEntries(trails.map(({ register, value }) => [register, value]));
    const text = trails.map(({ register, value }) => `${register}  ${value}`).join("\n");
    return { json: { kind: "uki", bank, boot, ...values }, text, trails, settings: settingsOf(args, options) };
  },
});

function trailOf(register: string, bank: PcrBank, measured: readonly MeasuredStep[]): Trail {
  let value: Buffer = Buffer.alloc(BANK_SIZES[bank]);
  const initial = toHex(value);
  const steps: Step[] = measured.map(({ what, digest }) => {
    value = extend(bank, value, digest);
    const event = "PCR.EXTEND";
    return { label: what, setting: "--uki", event, bytes: digest.length, digest: toHex(digest), running: toHex(value) };
  });
  return { register, algorithm: bank, initial, steps, value: toHex(value) };
}
