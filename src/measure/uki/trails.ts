// A UKI's registers as trails, for `explain`: every extend with the bytes behind it.
import { toHex } from "../hex.ts";
import { BANK_SIZES, extend, initialRegister, type PcrBank } from "../tpm/pcr.ts";
import type { Step, Trail } from "../trail.ts";
import { type MeasuredStep, measureSections, phaseSteps } from "./pcr11.ts";
import { pcr4Steps, pcr9Steps, type UkiBoot } from "./predict-pcrs.ts";
import type { Uki } from "./uki.ts";

export interface UkiTrailOptions {
  readonly bank: PcrBank;
  readonly boot: UkiBoot;
  /** phase path that PCR 11 is explained up to */
  readonly phase: string;
}

/** PCR 4, 9 (where the UKI determines it), 11, 12 and 13. */
export function ukiTrails(uki: Uki, { bank, boot, phase }: UkiTrailOptions): Trail[] {
  const pcr9 = pcr9Steps(uki, bank);
  return [
    trailOf("pcr4", bank, pcr4Steps(uki, bank, boot)),
    ...("unknown" in pcr9 ? [] : [trailOf("pcr9", bank, pcr9.steps)]),
    trailOf("pcr11", bank, [...measureSections(uki.sections, bank), ...phaseSteps(bank, phase)]),
    trailOf("pcr12", bank, []),
    trailOf("pcr13", bank, []),
  ];
}

function trailOf(register: string, bank: PcrBank, measured: readonly MeasuredStep[]): Trail {
  const initial = "00".repeat(BANK_SIZES[bank]);
  let value = initialRegister(bank, 0);
  const steps = measured.map(({ what, event, bytes, digest }): Step => {
    value = extend(bank, value, digest);
    return { label: what, setting: "--uki", event, bytes, digest: toHex(digest), running: toHex(value) };
  });
  return { register, algorithm: bank, initial, steps, value: toHex(value) };
}
