// Every register that a UKI alone determines: PCR 4, 9, 11, 12, 13. PCR 11 does not cover a
// command line that replaced the measured one, so a policy must pin 12 (or 4, 9) beside it.
// Sequences: reference/measured-boot.md §2 and §4, OVMF with systemd-stub 257.
import { trimNuls } from "../hex.ts";
import { BANK_SIZES, digestOf, extendAll, type PcrBank } from "../tpm/pcr.ts";
import { measureAuthenticode } from "./authenticode.ts";
import { combinedInitrd } from "./initrd.ts";
import { extendPhases, hashed, type MeasuredStep, measureSections } from "./pcr11.ts";
import { type PeImage, parsePe } from "./pe.ts";
import { type Uki, ukiSection } from "./uki.ts";

/** `direct`: firmware gets the UKI by `-kernel`; `disk`: it loads it from an EFI system partition. */
export type UkiBoot = "direct" | "disk";

/** TCG PC Client Platform Firmware Profile §3.3.4.5 and §10.4.5: action text and separator. */
const BOOT_OPTION_ACTION = Buffer.from("Calling EFI Application from Boot Option", "latin1");
const SEPARATOR = Buffer.alloc(4);

export interface UkiPcrs {
  readonly bank: PcrBank;
  readonly pcr4: Readonly<Record<UkiBoot, Buffer>>;
  /** absent, with the reason, where the UKI does not determine it */
  readonly pcr9: { readonly value: Buffer } | { readonly unknown: string };
  readonly pcr11: readonly { readonly phase: string; readonly value: Buffer }[];
  /** zero: no command line, credential or addon from outside */
  readonly pcr12: Buffer;
  /** zero: no sysext initrd */
  readonly pcr13: Buffer;
}

export function predictUkiPcrs(uki: Uki, bank: PcrBank, phases: readonly string[]): UkiPcrs {
  const zero = Buffer.alloc(BANK_SIZES[bank]);
  const stub = extendAll(
    bank,
    measureSections(uki.sections, bank).map((step) => step.digest),
  );
  const pcr9 = pcr9Steps(uki, bank);
  return {
    bank,
    pcr4: { direct: chain(bank, pcr4Steps(uki, bank, "direct")), disk: chain(bank, pcr4Steps(uki, bank, "disk")) },
    pcr9: "unknown" in pcr9 ? pcr9 : { value: chain(bank, pcr9.steps) },
    pcr11: phases.map((phase) => ({ phase, value: extendPhases(bank, stub, phase) })),
    pcr12: zero,
    pcr13: zero,
  };
}

/** The firmware measures the inner kernel too, because the stub loads it as an image. */
export function pcr4Steps(uki: Uki, bank: PcrBank, boot: UkiBoot): MeasuredStep[] {
  const linux = ukiSection(uki, ".linux") ?? new Uint8Array(0);
  const image = imageStep("application UKI", uki.image, bank);
  const kernel = imageStep("application .linux", parsePe(linux), bank);
  const action = hashed(bank, { what: `action "${BOOT_OPTION_ACTION}"`, event: "EV_EFI_ACTION" }, BOOT_OPTION_ACTION);
  const separator = hashed(bank, { what: "separator", event: "EV_SEPARATOR" }, SEPARATOR);
  return boot === "direct" ? [image, action, separator, kernel] : [action, separator, image, kernel];
}

/** The kernel's EFI stub measures its load options and the whole initrd. */
export function pcr9Steps(
  uki: Uki,
  bank: PcrBank,
): { readonly steps: readonly MeasuredStep[] } | { readonly unknown: string } {
  const cmdline = ukiSection(uki, ".cmdline");
  if (cmdline === undefined) return { unknown: "the UKI has no .cmdline, so the command line comes from outside" };
  const text = trimNuls(Buffer.from(cmdline).toString("utf8"));
  if (!isPlainLine(text))
    return { unknown: "the .cmdline has control characters or outer spaces, which stubs rewrite" };
  const initrd = combinedInitrd((name) => (name === ".pcrsig" ? uki.pcrSignature : ukiSection(uki, name)));
  return {
    steps: [
      hashed(bank, { what: "load options", event: "EV_EVENT_TAG" }, Buffer.from(`${text}\0`, "utf16le")),
      {
        what: "initrd",
        event: "EV_EVENT_TAG",
        bytes: initrd.reduce((size, piece) => size + piece.length, 0),
        digest: digestOf(bank, ...initrd),
      },
    ],
  };
}

/** PCR 12 after a command line from outside replaced or followed the measured one (systemd 257: NUL included). */
export function measureCmdlineOverride(cmdline: string, bank: PcrBank): Buffer {
  return extendAll(bank, [digestOf(bank, Buffer.from(`${cmdline}\0`, "utf16le"))]);
}

function imageStep(what: string, image: PeImage, bank: PcrBank): MeasuredStep {
  const event = "EV_EFI_BOOT_SERVICES_APPLICATION";
  return { what, event, bytes: image.bytes.length, digest: measureAuthenticode(image, bank) };
}

function chain(bank: PcrBank, steps: readonly MeasuredStep[]): Buffer {
  return extendAll(
    bank,
    steps.map((step) => step.digest),
  );
}

function isPlainLine(text: string): boolean {
  return text.trim() === text && [...text].every((char) => char >= " ");
}
