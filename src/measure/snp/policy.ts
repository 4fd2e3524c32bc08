// The SNP guest policy, in words and as the number that QEMU and the ID block carry
// (SEV-SNP Firmware ABI 1.58, 4.3, table 9). The policy is not part of the launch digest.
import { InvalidRequest } from "../../lib/errors.ts";
import { toAddress } from "../hex.ts";

const FIELD = "policy";
const MUST_BE_ONE = 1n << 17n;
/** QEMU's default: SMT allowed, nothing else. */
export const DEFAULT_SNP_POLICY = 0x30000n;

/** Bits by the word for them. */
const flags = {
  smt: 16n,
  "migrate-ma": 18n,
  debug: 19n,
  "single-socket": 20n,
  cxl: 21n,
  "aes-256-xts": 22n,
  "rapl-disabled": 23n,
  "ciphertext-hiding": 24n,
  "page-swap-disabled": 25n,
} as const satisfies Readonly<Record<string, bigint>>;
type Flag = keyof typeof flags;

const KNOWN_BITS = Object.values(flags).reduce((all, bit) => all | (1n << bit), MUST_BE_ONE | 0xffffn);

/**
 * A number (`0x30000`, `196608`), or words: `smt on, debug off, abi 1.55`. Flags that are not named take
 * their default: `smt` on, all others off. The mandatory bit is set for words and demanded of numbers.
 */
export function parseSnpPolicy(text: string): bigint {
  const trimmed = text.trim();
  if (/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(trimmed)) return checkSnpPolicy(BigInt(trimmed));
  return trimmed
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")
    .reduce(applyWord, DEFAULT_SNP_POLICY);
}

function applyWord(policy: bigint, item: string): bigint {
  const [word = "", value = "on", ...more] = item.toLowerCase().split(/[\s=]+/);
  if (more.length > 0) throw new InvalidRequest(FIELD, `"${item}" is not of the form "flag on" or "flag off"`);
  if (word === "abi") return (policy & ~0xffffn) | parseAbi(value);
  if (!isFlag(word)) throw new InvalidRequest(FIELD, `"${word}" is none of abi, ${Object.keys(flags).join(", ")}`);
  if (value !== "on" && value !== "off") throw new InvalidRequest(FIELD, `${word} is "${value}", not on or off`);
  const bit = 1n << flags[word];
  return value === "on" ? policy | bit : policy & ~bit;
}

function isFlag(word: string): word is Flag {
  return Object.hasOwn(flags, word);
}

function parseAbi(text: string): bigint {
  const [major, minor] = (/^(\d{1,3})\.(\d{1,3})$/.exec(text) ?? []).slice(1).map(Number);
  if (major === undefined || minor === undefined || major > 255 || minor > 255) {
    throw new InvalidRequest(FIELD, `abi "${text}" is not of the form MAJOR.MINOR`);
  }
  return (BigInt(major) << 8n) | BigInt(minor);
}

/** Refuses what the PSP would refuse: bit 17 must be one, unknown bits zero. */
export function checkSnpPolicy(policy: bigint): bigint {
  if ((policy & MUST_BE_ONE) === 0n) {
    throw new InvalidRequest(FIELD, `${toAddress(policy)} lacks bit 17, which the PSP demands; 0x30000 is usual`);
  }
  if ((policy & ~KNOWN_BITS) !== 0n) {
    throw new InvalidRequest(FIELD, `${toAddress(policy)} sets reserved bits ${toAddress(policy & ~KNOWN_BITS)}`);
  }
  return policy;
}

/** The policy as a reference value: the number in 16 hex digits. */
export function snpPolicyHex(policy: bigint): string {
  return policy.toString(16).padStart(16, "0");
}

/** The policy in the words that `parseSnpPolicy` reads, every flag named. */
export function describeSnpPolicy(policy: bigint): string {
  const words = (Object.keys(flags) as Flag[]).map((flag) => `${flag} ${hasSnpFlag(policy, flag) ? "on" : "off"}`);
  return [`abi ${(policy >> 8n) & 0xffn}.${policy & 0xffn}`, ...words].join(", ");
}

export function hasSnpFlag(policy: bigint, flag: Flag): boolean {
  return ((policy >> flags[flag]) & 1n) === 1n;
}
