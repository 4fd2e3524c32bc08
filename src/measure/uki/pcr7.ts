// PCR 7 for a given variable store: Secure Boot state and key databases, each measured as
// UEFI_VARIABLE_DATA (TCG PC Client Platform Firmware Profile §3.3.4.8), then a separator.
import { guidBytes } from "../reader.ts";
import { extendAll, type PcrBank } from "../tpm/pcr.ts";
import { hashed, type MeasuredStep } from "./pcr11.ts";

const GLOBAL_VARIABLE = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
const SECURITY_DATABASE = "d719b2cb-3d3a-4596-a3bc-dad00e67656f";

/** Contents as the firmware reads them; an absent variable is empty. */
export interface SecureBootVariables {
  readonly SecureBoot: Uint8Array;
  readonly PK: Uint8Array;
  readonly KEK: Uint8Array;
  readonly db: Uint8Array;
  readonly dbx: Uint8Array;
}

const EMPTY = new Uint8Array(0);

/** Firmware without Secure Boot support (also TDVF with a fresh store): the variable is absent. */
export const SECURE_BOOT_ABSENT: SecureBootVariables = {
  SecureBoot: EMPTY,
  PK: EMPTY,
  KEK: EMPTY,
  db: EMPTY,
  dbx: EMPTY,
};

/** Firmware with Secure Boot support and no keys enrolled: the variable is one zero byte. */
export const SECURE_BOOT_OFF: SecureBootVariables = { ...SECURE_BOOT_ABSENT, SecureBoot: Buffer.from([0]) };

const ORDER: readonly (readonly [keyof SecureBootVariables, string])[] = [
  ["SecureBoot", GLOBAL_VARIABLE],
  ["PK", GLOBAL_VARIABLE],
  ["KEK", GLOBAL_VARIABLE],
  ["db", SECURITY_DATABASE],
  ["dbx", SECURITY_DATABASE],
];

/** The bytes that are hashed for one variable. */
function renderVariableData(vendor: string, name: string, data: Uint8Array): Buffer {
  const head = Buffer.alloc(32);
  head.set(guidBytes(vendor));
  head.writeBigUInt64LE(BigInt(name.length), 16);
  head.writeBigUInt64LE(BigInt(data.length), 24);
  return Buffer.concat([head, Buffer.from(name, "utf16le"), data]);
}

export function pcr7Steps(variables: SecureBootVariables, bank: PcrBank): MeasuredStep[] {
  const steps = ORDER.map(([name, vendor]) => {
    const step = { what: `variable ${name}`, event: "EV_EFI_VARIABLE_DRIVER_CONFIG" };
    return hashed(bank, step, renderVariableData(vendor, name, variables[name]));
  });
  return [...steps, hashed(bank, { what: "separator", event: "EV_SEPARATOR" }, Buffer.alloc(4))];
}

/** PCR 7 when no image was checked against a key (nothing further is extended with Secure Boot off). */
export function measurePcr7(variables: SecureBootVariables, bank: PcrBank): Buffer {
  return extendAll(
    bank,
    pcr7Steps(variables, bank).map((step) => step.digest),
  );
}
