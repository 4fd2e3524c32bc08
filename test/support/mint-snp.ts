// SNP reports signed by a chain of our own, for what no public sample shows: the SVSM's binding,
// versions 4 and 5, VLEK, Turin's TCB layout.
import { sign } from "node:crypto";
import { guidBytes } from "../../src/measure/reader.ts";
import { der, ecKey, fingerprint, integer, mintCertificate, type TestCertificate } from "./mint.ts";

const OID = "1.3.6.1.4.1.3704.1";

export interface TestSnpReport {
  readonly version?: number;
  readonly family?: number;
  readonly vmpl?: number;
  readonly policy?: bigint;
  readonly signer?: "vcek" | "vlek";
  readonly reportData?: Uint8Array;
  readonly hostData?: Uint8Array;
  readonly measurement?: Uint8Array;
  /** reported TCB, 8 raw bytes */
  readonly tcb?: Uint8Array;
}

export interface SnpPlatform {
  /** DER: leaf, intermediate, root */
  readonly chain: readonly Buffer[];
  readonly anchors: ReadonlyMap<string, string>;
  readonly chipId: Buffer;
  readonly intermediate: TestCertificate;
  report(fields: TestSnpReport): Buffer;
}

/** `tcb` is certified by the leaf's extensions; `isTurin` moves the fields. */
export function snpPlatform(options: { tcb?: Uint8Array; isTurin?: boolean; isVlek?: boolean } = {}): SnpPlatform {
  const { tcb = Buffer.from([4, 0, 0, 0, 0, 0, 23, 213]), isTurin = false, isVlek = false } = options;
  const chipId = Buffer.alloc(64, 0xc1);
  const root: TestCertificate = { subject: "ARK-Test", key: ecKey("P-384"), isCa: true };
  const intermediate: TestCertificate = {
    subject: isVlek ? "SEV-VLEK-Test" : "SEV-Test",
    key: ecKey("P-384"),
    issuer: root,
    isCa: true,
    serial: 2,
  };
  const leaf: TestCertificate = {
    subject: isVlek ? "SEV-VLEK" : "SEV-VCEK",
    key: ecKey("P-384"),
    issuer: intermediate,
    serial: 3,
    extensions: [...tcbExtensions(tcb, isTurin), ...(isVlek ? [] : [[`${OID}.4`, chipId] as const])],
  };
  const report = (fields: TestSnpReport): Buffer => {
    const bytes = renderReport(
      { tcb, signer: isVlek ? "vlek" : "vcek", ...fields },
      isVlek ? Buffer.alloc(64) : chipId,
    );
    const raw = sign("sha384", bytes.subarray(0, 0x2a0), { key: leaf.key.privateKey, dsaEncoding: "ieee-p1363" });
    Buffer.from(raw.subarray(0, 48)).reverse().copy(bytes, 0x2a0);
    Buffer.from(raw.subarray(48)).reverse().copy(bytes, 0x2e8);
    return bytes;
  };
  const chain = [leaf, intermediate, root].map(mintCertificate);
  return { chain, anchors: new Map([[fingerprint(root.key), "ARK-Test"]]), chipId, intermediate, report };
}

function renderReport(fields: TestSnpReport, chipId: Buffer): Buffer {
  const bytes = Buffer.alloc(1184);
  bytes.writeUInt32LE(fields.version ?? 3, 0);
  bytes.writeBigUInt64LE(fields.policy ?? 0x30000n, 8);
  bytes.writeUInt32LE(fields.vmpl ?? 0, 0x30);
  bytes.writeUInt32LE(1, 0x34);
  bytes.writeUInt32LE(fields.signer === "vlek" ? 1 << 2 : 0, 0x48);
  bytes.set(fields.reportData ?? [], 0x50);
  bytes.set(fields.measurement ?? [], 0x90);
  bytes.set(fields.hostData ?? [], 0xc0);
  bytes.set(fields.tcb ?? [], 0x180);
  bytes.writeUInt8(fields.family ?? 0x19, 0x188);
  chipId.copy(bytes, 0x1a0);
  return bytes;
}

function tcbExtensions(tcb: Uint8Array, isTurin: boolean): (readonly [string, Buffer])[] {
  const byte = (index: number): Buffer => integer(tcb[index] ?? 0);
  const shift = isTurin ? 1 : 0;
  return [
    [`${OID}.2`, der(0x16, Buffer.from(isTurin ? "Turin" : "Milan-B0"))],
    [`${OID}.3.1`, byte(shift)],
    [`${OID}.3.2`, byte(1 + shift)],
    [`${OID}.3.3`, byte(isTurin ? 3 : 6)],
    [`${OID}.3.8`, byte(7)],
    ...(isTurin ? [[`${OID}.3.9`, byte(0)] as const] : []),
  ];
}

/** What a host hands to its guests beside a report: the table of GHCB standard 4.1.8.1. */
export function certificateTable(entries: readonly (readonly [guid: string, bytes: Uint8Array])[]): Buffer {
  const headBytes = 24 * (entries.length + 1);
  let offset = headBytes;
  const heads = entries.map(([guid, { length }]) => {
    const head = Buffer.alloc(24);
    head.set(guidBytes(guid));
    head.writeUInt32LE(offset, 16);
    head.writeUInt32LE(length, 20);
    offset += length;
    return head;
  });
  return Buffer.concat([...heads, Buffer.alloc(24), ...entries.map(([, bytes]) => bytes)]);
}
