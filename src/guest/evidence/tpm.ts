// Quotes of the guest's TPM with the values they cover and the logs that explain them. The three are read
// one after the other while the boot may still be extending registers, so a set that does not fit is read again.
import { createHash } from "node:crypto";
import { open, readFile, stat } from "node:fs/promises";
import { errnoOf, HostCallFailed } from "../../lib/errors.ts";
import { parseTpmQuote } from "../../measure/tpm/attest.ts";
import type { PcrSelection } from "../../measure/tpm/pcr-selection.ts";
import {
  type CreatedKey,
  parseCreateAttestationKey,
  parsePcrRead,
  parseQuote,
  renderCreateAttestationKey,
  renderFlush,
  renderPcrRead,
  renderQuote,
  type SignedQuote,
} from "./tpm-commands.ts";

/** Registers that logs explain; the rest are resettable or unused. */
const registers = Array.from({ length: 16 }, (_, index) => index);
const quoted: PcrSelection = { bank: "sha256", registers };
const ATTEMPTS = 10;
const PAUSE_MS = 200;
const MAX_RESPONSE = 4096;
/** systemd sets it on its log while a register is ahead of the log. */
const STICKY = 0o1000;

export interface TpmPaths {
  /** the kernel's resource manager: what one opening leaves behind goes when it is closed */
  readonly device: string;
  readonly eventLog: string;
  readonly userspaceLog: string;
}

export const guestTpmPaths: TpmPaths = {
  device: "/dev/tpmrm0",
  eventLog: "/sys/kernel/security/tpm0/binary_bios_measurements",
  userspaceLog: "/run/log/systemd/tpm2-measure.log",
};

/** One command, one response. */
export type Transmit = (command: Uint8Array) => Promise<Uint8Array>;

/** The member `tpm` of `kata-cvm-evidence/1`. */
export interface TpmDocument {
  readonly quote: string;
  readonly signature: string;
  readonly ak: string;
  readonly pcrs: { readonly sha256: Readonly<Record<string, string>> };
  readonly eventLog?: string;
  readonly userspaceLog?: string;
}

export interface TpmStatement extends SignedQuote {
  readonly key: CreatedKey;
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  readonly eventLog: Buffer | undefined;
  readonly userspaceLog: Buffer | undefined;
}

/** `use` runs with the attestation key of this TPM loaded. */
export async function withAttestationKey<T>(transmit: Transmit, use: (key: CreatedKey) => Promise<T>): Promise<T> {
  const key = parseCreateAttestationKey(await transmit(renderCreateAttestationKey()));
  try {
    return await use(key);
  } finally {
    await transmit(renderFlush(key.handle));
  }
}

/** A quote, values and logs that belong together. */
export async function quoteTpm(
  transmit: Transmit,
  { key, nonce, paths }: { key: CreatedKey; nonce: Uint8Array; paths: TpmPaths },
): Promise<TpmStatement> {
  for (let attempt = 1; ; attempt += 1) {
    const before = await readLog(paths.userspaceLog);
    const signed = parseQuote(await transmit(renderQuote(key.handle, nonce, quoted)));
    const pcrs = await readRegisters(transmit);
    const after = await readLog(paths.userspaceLog);
    const fits = coversValues(signed.quote, pcrs) && !before.torn && !after.torn && before.text.equals(after.text);
    if (fits || attempt === ATTEMPTS) {
      return {
        ...signed,
        key,
        pcrs,
        eventLog: await readIfThere(paths.eventLog),
        userspaceLog: after.text.length === 0 ? undefined : after.text,
      };
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

export function renderTpm({ quote, signature, key, pcrs, eventLog, userspaceLog }: TpmStatement): TpmDocument {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const values = [...pcrs].map(([index, value]) => [String(index), Buffer.from(value).toString("hex")] as const);
  return {
    quote: base64(quote),
    signature: base64(signature),
    ak: base64(key.publicArea),
    pcrs: { sha256: Object.fromEntries(values) },
    ...(eventLog === undefined ? {} : { eventLog: base64(eventLog) }),
    ...(userspaceLog === undefined ? {} : { userspaceLog: base64(userspaceLog) }),
  };
}

/** Opens the device for the time of `use`. */
export async function withDevice<T>(path: string, use: (transmit: Transmit) => Promise<T>): Promise<T> {
  const file = await open(path, "r+").catch((error: unknown) => {
    throw new HostCallFailed(`open ${path}`, errnoOf(error) ?? "", { cause: error });
  });
  try {
    return await use(async (command) => {
      await file.write(command);
      const response = Buffer.alloc(MAX_RESPONSE);
      const { bytesRead } = await file.read(response);
      return response.subarray(0, bytesRead);
    });
  } finally {
    await file.close();
  }
}

async function readRegisters(transmit: Transmit): Promise<ReadonlyMap<number, Uint8Array>> {
  const values = new Map<number, Uint8Array>();
  for (let left = registers; left.length > 0; left = left.filter((register) => !values.has(register))) {
    const some = parsePcrRead(await transmit(renderPcrRead({ bank: "sha256", registers: left })));
    if (some.size === 0) break;
    for (const [register, value] of some) values.set(register, value);
  }
  return new Map([...values].sort(([a], [b]) => a - b));
}

function coversValues(quote: Uint8Array, pcrs: ReadonlyMap<number, Uint8Array>): boolean {
  const digest = createHash("sha256");
  for (const value of pcrs.values()) digest.update(value);
  return digest.digest().equals(parseTpmQuote(quote).pcrDigest);
}

async function readLog(path: string): Promise<{ torn: boolean; text: Buffer }> {
  const text = await readIfThere(path);
  if (text === undefined) return { torn: false, text: Buffer.alloc(0) };
  return { torn: ((await stat(path)).mode & STICKY) !== 0, text };
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new HostCallFailed(`read ${path}`, errnoOf(error) ?? "", { cause: error });
  }
}
