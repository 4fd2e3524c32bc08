// Reference values as Trustee's reference value provider takes them: an unsigned "sample" message
// whose payload maps names to lists. Names are those that Trustee's policies query.
import type { ReferenceSet } from "./reference.ts";

const NAMES: Readonly<Record<string, string>> = {
  "snp.measurement": "snp_launch_measurement",
  "tdx.mrTd": "mr_td",
  "tdx.rtmr0": "rtmr_0",
  "tdx.rtmr1": "rtmr_1",
  "tdx.rtmr2": "rtmr_2",
  "tdx.rtmr3": "rtmr_3",
};

export interface RvpsMessage {
  readonly version: "0.1.0";
  readonly type: "sample";
  /** base64 of the JSON payload */
  readonly payload: string;
}

/** Names without a place in Trustee's claims (other banks than sha256) are left out. */
function rvpsPayload(set: ReferenceSet): Record<string, string[]> {
  const payload: Record<string, string[]> = {};
  for (const { name, value } of set.values) {
    const known = rvpsName(name);
    if (known === undefined) continue;
    payload[known] ??= [];
    payload[known].push(value);
  }
  return payload;
}

export function renderRvps(set: ReferenceSet): RvpsMessage {
  const payload = Buffer.from(JSON.stringify(rvpsPayload(set))).toString("base64");
  return { version: "0.1.0", type: "sample", payload };
}

/** Trustee's TPM claims are `pcr00` to `pcr23` of the sha256 bank. */
function rvpsName(name: string): string | undefined {
  const [, index] = /^pcr\.sha256\.(\d+)$/.exec(name) ?? [];
  return index === undefined ? NAMES[name] : `tpm_pcr${index.padStart(2, "0")}`;
}
