// PCR 11: the UKI's sections by systemd-stub, then one word per boot phase by systemd-pcrphase.
// Evidence taken before `ready` shows an earlier value, so every prefix of the path is a value.
import { digestOf, extend, extendAll, type PcrBank } from "../tpm/pcr.ts";

/** Paths of words joined by ":"; the empty path is the stub's value alone. */
export const SYSTEMD_INITRD_PHASES = [
  "",
  "enter-initrd",
  "enter-initrd:leave-initrd",
  "enter-initrd:leave-initrd:sysinit",
  "enter-initrd:leave-initrd:sysinit:ready",
] as const;
/** An initrd without systemd says nothing; these follow the stub's value directly. */
export const PLAIN_INITRD_PHASES = ["", "sysinit", "sysinit:ready"] as const;

export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** One extend, for `explain` and for comparing with an event log. */
export interface MeasuredStep {
  readonly what: string;
  /** event type in the log */
  readonly event: string;
  /** bytes hashed */
  readonly bytes: number;
  readonly digest: Buffer;
}

/** The extend by the hash of these bytes. */
export function hashed(bank: PcrBank, step: { what: string; event: string }, bytes: Uint8Array): MeasuredStep {
  return { ...step, bytes: bytes.length, digest: digestOf(bank, bytes) };
}

/** The stub's extends: for each section its name with NUL, then its content. Empty sections are skipped. */
export function measureSections(sections: readonly NamedBytes[], bank: PcrBank): MeasuredStep[] {
  return sections
    .filter(({ bytes }) => bytes.length > 0)
    .flatMap(({ name, bytes }) => [
      hashed(bank, { what: `name ${name}`, event: "EV_IPL" }, Buffer.from(`${name}\0`, "latin1")),
      hashed(bank, { what: `content ${name}`, event: "EV_IPL" }, bytes),
    ]);
}

/** One extend per word of a phase path; empty words are dropped as systemd-measure does. */
export function phaseSteps(bank: PcrBank, path: string): MeasuredStep[] {
  return path
    .split(":")
    .filter((word) => word !== "")
    .map((word) => hashed(bank, { what: `phase ${word}`, event: "phase" }, Buffer.from(word, "utf8")));
}

/** The register after the phases of a path. */
export function extendPhases(bank: PcrBank, register: Buffer, path: string): Buffer {
  return phaseSteps(bank, path).reduce((value, { digest }) => extend(bank, value, digest), register);
}

/** PCR 11 after `path`, for sections in the order of measurement. */
export function measurePcr11(sections: readonly NamedBytes[], bank: PcrBank, path: string): Buffer {
  const stub = extendAll(
    bank,
    measureSections(sections, bank).map((step) => step.digest),
  );
  return extendPhases(bank, stub, path);
}
