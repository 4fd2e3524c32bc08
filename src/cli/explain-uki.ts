// The registers of a UKI as histories, for `kata-cvm explain uki`.
import { ukiTrails } from "../measure/uki/trails.ts";
import { parseUki } from "../measure/uki/uki.ts";
import type { CommandOptions } from "./command.ts";
import { defineKind, settingsOf } from "./measured.ts";
import { readInput } from "./read-input.ts";

const options = {
  uki: { type: "string", describe: "the image", demandOption: true },
  bank: { type: "string", describe: "PCR bank", choices: ["sha1", "sha256", "sha384", "sha512"], default: "sha256" },
  boot: { type: "string", describe: "who loads the image", choices: ["direct", "disk"], default: "direct" },
  phase: { type: "string", describe: "phase path that PCR 11 is explained up to, words joined by ':'", default: "" },
} as const satisfies CommandOptions;

export const ukiKind = defineKind({
  name: "uki",
  describe: "PCR 4, 9, 11, 12 and 13 of a unified kernel image",
  options,
  async measure(args) {
    const { bank, boot, phase } = args;
    const uki = parseUki(await readInput("--uki", args.uki));
    const trails = ukiTrails(uki, { bank, boot, phase });
    const values = Object.fromEntries(trails.map(({ register, value }) => [register, value]));
    const text = trails.map(({ register, value }) => `${register}  ${value}`).join("\n");
    return { json: { kind: "uki", bank, boot, ...values }, text, trails, settings: settingsOf(args, options) };
  },
});
