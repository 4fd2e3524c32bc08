// How a digest came to be: every step that moved a register, the bytes behind it and the setting they
// came from. The same shape for launch digests, MRTD, RTMRs and PCRs, so that one command explains all.

/** One input inside a step that has several, for example a hash in the kernel-hashes page. */
export interface StepPart {
  readonly label: string;
  /** option or configuration key that decides it */
  readonly setting: string;
  /** digest or literal value, as text */
  readonly value: string;
}

export interface Step {
  readonly label: string;
  /** option or configuration key that decides the bytes, for example `--ovmf` */
  readonly setting: string;
  /** how it was measured: an SNP page type, a TDX operation, a TCG event type */
  readonly event: string;
  /** guest physical address, `0x` hex */
  readonly gpa?: string;
  /** bytes covered */
  readonly bytes: number;
  /** digest of the contents, lower-case hex; empty when only the address is measured */
  readonly digest: string;
  /** the register after this step, lower-case hex */
  readonly running: string;
  readonly parts?: readonly StepPart[];
}

export interface Trail {
  /** `snp`, `sev`, `mrtd`, `rtmr0`..`rtmr3`, `pcr0`..`pcr23` */
  readonly register: string;
  readonly algorithm: "sha1" | "sha256" | "sha384" | "sha512";
  readonly initial: string;
  readonly steps: readonly Step[];
  readonly value: string;
}

export interface Difference {
  readonly register: string;
  /** index of the step in the trail of `a`, or of `b` when `a` is shorter */
  readonly step: number;
  readonly label: string;
  readonly setting: string;
  readonly a: string;
  readonly b: string;
}

/** The first input that differs between two measurements, register by register; undefined when they agree. */
export function firstDifference(a: readonly Trail[], b: readonly Trail[]): Difference | undefined {
  for (const trail of a) {
    const other = b.find((candidate) => candidate.register === trail.register);
    const found = other && differenceOf(trail, other);
    if (found) return found;
  }
  return undefined;
}

function differenceOf(a: Trail, b: Trail): Difference | undefined {
  const count = Math.max(a.steps.length, b.steps.length);
  for (let step = 0; step < count; step++) {
    const found = stepDifference(a.steps[step], b.steps[step]);
    if (found) return { register: a.register, step, ...found };
  }
  if (a.value === b.value) return undefined;
  return { register: a.register, step: 0, label: "starting value", setting: "(seed)", a: a.initial, b: b.initial };
}

type Found = Omit<Difference, "register" | "step">;

function stepDifference(a: Step | undefined, b: Step | undefined): Found | undefined {
  const known = a ?? b;
  if (!known) return undefined;
  const { label, setting } = known;
  if (!a || !b) return { label, setting, a: a ? describe(a) : "(absent)", b: b ? describe(b) : "(absent)" };
  const part = partDifference(a, b);
  if (part) return part;
  return describe(a) === describe(b) ? undefined : { label, setting, a: describe(a), b: describe(b) };
}

function partDifference(a: Step, b: Step): Found | undefined {
  for (const part of a.parts ?? []) {
    const other = b.parts?.find((candidate) => candidate.label === part.label);
    if (other && other.value !== part.value) {
      return { label: `${a.label}: ${part.label}`, setting: part.setting, a: part.value, b: other.value };
    }
  }
  return undefined;
}

/** Everything of a step that enters the digest, as one comparable line. */
function describe(step: Step): string {
  const where = step.gpa === undefined ? "" : ` at ${step.gpa}`;
  return `${step.event} ${step.label}${where}, ${step.bytes} bytes${step.digest ? `, ${step.digest}` : ""}`;
}

/** A tree for people: one block per register, one line per step, the running digest under each. */
export function renderTrails(trails: readonly Trail[]): string {
  return trails.map(renderTrail).join("\n\n");
}

function renderTrail(trail: Trail): string {
  const lines = [`${trail.register} (${trail.algorithm})`];
  for (const step of trail.steps) {
    const where = step.gpa === undefined ? "" : ` @ ${step.gpa}`;
    lines.push(`├─ ${step.label} [${step.event}]${where}, ${step.bytes} bytes, from ${step.setting}`);
    for (const part of step.parts ?? []) lines.push(`│    · ${part.label} = ${part.value}  (${part.setting})`);
    if (step.digest) lines.push(`│    contents ${step.digest}`);
    lines.push(`│    → ${step.running}`);
  }
  lines.push(`└─ ${trail.value}`);
  return lines.join("\n");
}
