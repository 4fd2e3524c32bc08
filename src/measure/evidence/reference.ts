// Reference values: what a launch of one runtime class may measure to, and the comparison of
// proven values with them. A name may have several good values (boot phases, vCPU counts).
import { JsonObject } from "./json.ts";
import type { Check, Checks } from "./verdict.ts";

const FORMAT = "reference values";
const REFERENCE_FORMAT = "kata-cvm-reference/1";

export interface ReferenceValue {
  /** as in an evidence result: `snp.measurement`, `tdx.rtmr1`, `pcr.sha256.11` */
  readonly name: string;
  /** lower-case hex */
  readonly value: string;
  /** which variant this is, for example `after sysinit` or `4 vCPUs` */
  readonly label: string;
}

export interface ReferenceSet {
  /** what is described, for example `kata-cvm-snp 0.1.0` */
  readonly subject: string;
  readonly values: readonly ReferenceValue[];
}

/** Plain JSON: `{format, subject, values: {NAME: [{value, label}]}}`. */
export function renderReference(set: ReferenceSet): Record<string, unknown> {
  const values: Record<string, { value: string; label: string }[]> = {};
  for (const { name, value, label } of set.values) {
    values[name] ??= [];
    values[name].push({ value, label });
  }
  return { format: REFERENCE_FORMAT, subject: set.subject, values };
}

export function parseReference(bytes: Uint8Array): ReferenceSet {
  const root = JsonObject.parse(FORMAT, Buffer.from(bytes).toString("utf8"));
  const format = root.string("format");
  if (format !== REFERENCE_FORMAT) root.fail("format", `is ${JSON.stringify(format)}, known is "${REFERENCE_FORMAT}"`);
  const groups = root.object("values");
  const values = groups.keys().flatMap((name) => {
    const entries = groups.objects(name);
    if (entries.length === 0) groups.fail(name, "has no good value: it would not be compared");
    return entries.map((entry) => {
      const value = entry.hex("value").toString("hex");
      return { name, value, label: entry.optionalString("label") ?? "" };
    });
  });
  if (values.length === 0) root.fail("values", "is empty: nothing would be compared");
  return { subject: root.string("subject"), values };
}

/** One check per name: the proven value is one of the good ones, and which. */
export function checkReference(checks: Checks, set: ReferenceSet, proven: ReadonlyMap<string, string>): Check[] {
  const names = [...new Set(set.values.map(({ name }) => name))];
  return names.map((name) => {
    const good = set.values.filter((value) => value.name === name);
    const check = compare(`reference.${name}`, good, proven.get(name));
    checks.check(check.name, check.ok, check.detail);
    return check;
  });
}

function compare(name: string, good: readonly ReferenceValue[], value: string | undefined): Check {
  if (value === undefined) return { name, ok: false, detail: "the evidence does not prove it" };
  const match = good.find((candidate) => candidate.value === value);
  if (match !== undefined) return { name, ok: true, detail: match.label === "" ? value : `${value} (${match.label})` };
  const expected = good.map((candidate) => candidate.value + (candidate.label === "" ? "" : ` (${candidate.label})`));
  return { name, ok: false, detail: `is ${value}, expected ${expected.join(" or ")}` };
}
