// `kata-cvm measure uki`: the registers that a unified kernel image determines, before it boots.
import { toHex } from "../measure/hex.ts";
import { digestOf } from "../measure/tpm/pcr.ts";
import { measureAuthenticode } from "../measure/uki/authenticode.ts";
import { PLAIN_INITRD_PHASES, SYSTEMD_INITRD_PHASES } from "../measure/uki/pcr11.ts";
import { checkPcrSignatures, type PolicyCheck, parsePcrSignatures } from "../measure/uki/pcrsig.ts";
import { findSection } from "../measure/uki/pe.ts";
import { predictUkiPcrs, type UkiPcrs } from "../measure/uki/predict-pcrs.ts";
import { parseUki, type Uki } from "../measure/uki/uki.ts";
import { type CommandResult, defineCommand } from "./command.ts";
import { readInput } from "./read-input.ts";

export const measureUkiCommand = defineCommand({
  command: "measure uki",
  describe: "PCR 4, 9, 11, 12 and 13 of a unified kernel image",
  options: {
    uki: { type: "string", describe: "the image", demandOption: true },
    bank: { type: "string", describe: "PCR bank", choices: ["sha1", "sha256", "sha384", "sha512"], default: "sha256" },
    phase: {
      type: "string",
      array: true,
      describe: "phase path of PCR 11, words joined by ':' (default: before any phase)",
    },
    boot: {
      type: "string",
      describe: "who loads the image: QEMU's -kernel, or firmware from a disk",
      choices: ["direct", "disk"],
      default: "direct",
    },
  },
  async run({ uki: path, bank, phase = [""], boot }) {
    const uki = parseUki(await readInput("--uki", path));
    const standard = new Set([...PLAIN_INITRD_PHASES, ...SYSTEMD_INITRD_PHASES, ...phase]);
    const pcrs = predictUkiPcrs(uki, bank, [...standard]);
    const byPhase = Object.fromEntries(pcrs.pcr11.map((one) => [one.phase, toHex(one.value)]));
    const policy = checkPolicy(uki, pcrs);
    const json = {
      bank,
      boot,
      pcr4: toHex(pcrs.pcr4[boot]),
      pcr9: "value" in pcrs.pcr9 ? toHex(pcrs.pcr9.value) : null,
      ...("unknown" in pcrs.pcr9 ? { pcr9Unknown: pcrs.pcr9.unknown } : {}),
      pcr11: byPhase[phase.at(-1) ?? ""] ?? "",
      pcr11Phases: byPhase,
      pcr12: toHex(pcrs.pcr12),
      pcr13: toHex(pcrs.pcr13),
      authenticode: toHex(measureAuthenticode(uki.image, bank)),
      sections: uki.sections.map(({ name, bytes }) => ({
        name,
        bytes: bytes.length,
        digest: toHex(digestOf(bank, bytes)),
      })),
      ...(policy === undefined ? {} : { policy }),
    };
    return { json, text: renderText(json), exitCode: 0 } satisfies CommandResult;
  },
});

/** Which of the values the image's own `.pcrsig` signs; undefined for an image without one. */
function checkPolicy(uki: Uki, { bank, pcr11 }: UkiPcrs): readonly PolicyCheck[] | undefined {
  const key = findSection(uki.image, ".pcrpkey");
  if (uki.pcrSignature === undefined || key === undefined) return undefined;
  return checkPcrSignatures(parsePcrSignatures(uki.pcrSignature), key, { bank, values: pcr11 });
}

interface UkiJson {
  readonly bank: string;
  readonly boot: string;
  readonly pcr4: string;
  readonly pcr9: string | null;
  readonly pcr9Unknown?: string;
  readonly pcr11Phases: Readonly<Record<string, string>>;
  readonly pcr12: string;
  readonly pcr13: string;
}

function renderText(json: UkiJson): string {
  const phases = Object.entries(json.pcr11Phases).map(
    ([phase, value]) => `PCR 11  ${value}  ${phase || "(before any phase)"}`,
  );
  return [
    `${json.bank} bank, ${json.boot} boot`,
    `PCR 4   ${json.pcr4}`,
    `PCR 9   ${json.pcr9 ?? json.pcr9Unknown}`,
    ...phases,
    `PCR 12  ${json.pcr12}`,
    `PCR 13  ${json.pcr13}`,
  ].join("\n");
}
