// What systemd-stub measures of a unified kernel image: sections in a fixed order, each as its
// name with NUL and then its content (systemd 257; UAPI specification "Unified Kernel Image").
import { ByteReader } from "../reader.ts";
import { findSection, type PeImage, parsePe } from "./pe.ts";

const MEASURED_SECTIONS = [
  ".linux",
  ".osrel",
  ".cmdline",
  ".initrd",
  ".ucode",
  ".splash",
  ".dtb",
  ".uname",
  ".sbat",
  ".pcrpkey",
  ".profile",
] as const;
/** Chosen by hardware, and ordered differently by stub versions: no single value exists. */
const UNPREDICTABLE = [".dtbauto", ".hwids", ".efifw"];

export type UkiSectionName = (typeof MEASURED_SECTIONS)[number];

export interface UkiSection {
  readonly name: UkiSectionName;
  readonly bytes: Uint8Array;
}

export interface Uki {
  readonly image: PeImage;
  /** non-empty measured sections in the order of measurement */
  readonly sections: readonly UkiSection[];
  /** `.pcrsig`, never measured */
  readonly pcrSignature: Uint8Array | undefined;
}

/** Reads a UKI of profile 0. Images with hardware-dependent sections or several profiles are refused. */
export function parseUki(bytes: Uint8Array): Uki {
  const image = parsePe(bytes);
  const reader = new ByteReader(bytes, "UKI");
  for (const name of UNPREDICTABLE) {
    if (image.sections.some((section) => section.name === name)) {
      reader.fail(`section ${name} is chosen by the hardware, so its measurement cannot be predicted`, 0);
    }
  }
  if (image.sections.filter((section) => section.name === ".profile").length > 1) {
    reader.fail("several profiles: which one is measured depends on the boot", 0);
  }
  const replaced = replacedByProfile(image);
  if (replaced !== undefined)
    reader.fail(`the profile has a ${replaced} of its own, which takes the place of the other`, 0);
  const sections = MEASURED_SECTIONS.flatMap((name) => {
    const content = findSection(image, name);
    return content === undefined || content.length === 0 ? [] : [{ name, bytes: content }];
  });
  if (sections[0]?.name !== ".linux") reader.fail("has no .linux section, so it is not a UKI", 0);
  return { image, sections, pcrSignature: findSection(image, ".pcrsig") };
}

/** A measured section that stands before `.profile` and again behind it, where the stub takes it from. */
function replacedByProfile({ sections }: PeImage): UkiSectionName | undefined {
  const at = sections.findIndex(({ name }) => name === ".profile");
  const [base, profile] = [sections.slice(0, Math.max(at, 0)), sections.slice(at + 1)];
  const has = (list: typeof sections, name: string): boolean => list.some((section) => section.name === name);
  return MEASURED_SECTIONS.find((name) => has(base, name) && has(profile, name));
}

export function ukiSection(uki: Uki, name: UkiSectionName): Uint8Array | undefined {
  return uki.sections.find((section) => section.name === name)?.bytes;
}
