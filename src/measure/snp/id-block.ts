// ID block and ID authentication: what the PSP compares a launch with, and who says so
// (SEV-SNP Firmware ABI 1.58, 8.18, tables 75 and 76; ECDSA P-384, SHA-384; integers little-endian).
import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { InvalidRequest } from "../../lib/errors.ts";
import { ByteReader } from "../reader.ts";
import { checkSnpPolicy } from "./policy.ts";

export const ID_BLOCK_BYTES = 96;
export const ID_AUTH_BYTES = 4096;
const ID_BLOCK_VERSION = 1;
const ALGORITHM_ECDSA_P384_SHA384 = 1;
const CURVE_P384 = 2;
const KEY_BYTES = 1028;
const SIGNATURE_BYTES = 512;
const COMPONENT_BYTES = 72;
const SCALAR_BYTES = 48;
const authOffsets = {
  idAlgorithm: 0,
  authorAlgorithm: 4,
  blockSignature: 0x40,
  idKey: 0x240,
  keySignature: 0x680,
  authorKey: 0x880,
};

export interface IdBlockFields {
  /** launch digest, 48 bytes */
  readonly measurement: Uint8Array;
  /** 16 bytes each; zeros when absent */
  readonly familyId?: Uint8Array;
  readonly imageId?: Uint8Array;
  /** default 0 */
  readonly guestSvn?: number;
  /** must equal the policy of the launch */
  readonly policy: bigint;
}

/** The 96 bytes that are signed. */
export function buildIdBlock(fields: IdBlockFields): Buffer {
  const block = Buffer.alloc(ID_BLOCK_BYTES);
  place(block, 0, { field: "measurement", bytes: fields.measurement, size: 48 });
  if (fields.familyId) place(block, 48, { field: "family-id", bytes: fields.familyId, size: 16 });
  if (fields.imageId) place(block, 64, { field: "image-id", bytes: fields.imageId, size: 16 });
  const svn = fields.guestSvn ?? 0;
  if (!Number.isInteger(svn) || svn < 0 || svn > 0xffff_ffff) throw new InvalidRequest("guest-svn", "needs 32 bits");
  block.writeUInt32LE(ID_BLOCK_VERSION, 80);
  block.writeUInt32LE(svn, 84);
  block.writeBigUInt64LE(checkSnpPolicy(fields.policy), 88);
  return block;
}

/** Reads a block back; refuses another length or version. */
export function parseIdBlock(bytes: Uint8Array): Required<IdBlockFields> {
  const reader = new ByteReader(bytes, "SNP ID block");
  if (bytes.length !== ID_BLOCK_BYTES) reader.fail(`${bytes.length} bytes, not ${ID_BLOCK_BYTES}`);
  const measurement = reader.bytes(48);
  const familyId = reader.bytes(16);
  const imageId = reader.bytes(16);
  const version = reader.u32le();
  if (version !== ID_BLOCK_VERSION) reader.fail(`version ${version}, only 1 is known`, 80);
  return { measurement, familyId, imageId, guestSvn: reader.u32le(), policy: reader.u64le() };
}

export interface SignedIdBlock {
  /** 4096 bytes */
  readonly idAuth: Buffer;
  /** 48 bytes, ID_KEY_DIGEST of the report */
  readonly idKeyDigest: Buffer;
  /** 48 bytes, AUTHOR_KEY_DIGEST of the report; undefined without an author key */
  readonly authorKeyDigest: Buffer | undefined;
}

/** Signs the block with the ID key, and the ID key with the author key when there is one. */
export function signIdBlock(block: Uint8Array, idKey: KeyObject, authorKey?: KeyObject): SignedIdBlock {
  const idAuth = Buffer.alloc(ID_AUTH_BYTES);
  const idKeyBytes = snpPublicKey(createPublicKey(idKey), "id-key");
  idAuth.writeUInt32LE(ALGORITHM_ECDSA_P384_SHA384, authOffsets.idAlgorithm);
  idAuth.set(snpSignature(block, idKey), authOffsets.blockSignature);
  idAuth.set(idKeyBytes, authOffsets.idKey);
  if (!authorKey) return { idAuth, idKeyDigest: sha384(idKeyBytes), authorKeyDigest: undefined };
  const authorKeyBytes = snpPublicKey(createPublicKey(authorKey), "author-key");
  idAuth.writeUInt32LE(ALGORITHM_ECDSA_P384_SHA384, authOffsets.authorAlgorithm);
  idAuth.set(snpSignature(idKeyBytes, authorKey), authOffsets.keySignature);
  idAuth.set(authorKeyBytes, authOffsets.authorKey);
  return { idAuth, idKeyDigest: sha384(idKeyBytes), authorKeyDigest: sha384(authorKeyBytes) };
}

/** The 1028-byte key structure of table 76, whose SHA-384 the report carries. `field` names the key in refusals. */
export function snpPublicKey(key: KeyObject, field: string): Buffer {
  if (key.asymmetricKeyType !== "ec" || key.asymmetricKeyDetails?.namedCurve !== "secp384r1") {
    throw new InvalidRequest(field, "is not an ECDSA P-384 key, the only kind the PSP accepts");
  }
  const { x = "", y = "" } = key.export({ format: "jwk" });
  const bytes = Buffer.alloc(KEY_BYTES);
  bytes.writeUInt32LE(CURVE_P384);
  bytes.set(Buffer.from(x, "base64url").reverse(), 4);
  bytes.set(Buffer.from(y, "base64url").reverse(), 4 + COMPONENT_BYTES);
  return bytes;
}

/** Whether the signatures of an ID authentication hold, as the PSP checks them at launch finish. */
export function verifyIdAuth(
  block: Uint8Array,
  idAuth: Uint8Array,
): { idKey: boolean; authorKey: boolean | undefined } {
  const reader = new ByteReader(idAuth, "SNP ID authentication");
  if (idAuth.length !== ID_AUTH_BYTES) reader.fail(`${idAuth.length} bytes, not ${ID_AUTH_BYTES}`);
  const at = (position: number, size: number): Uint8Array => reader.seek(position).bytes(size);
  const algorithm = (offset: number): number => reader.seek(offset).u32le();
  const authorAlgorithm = algorithm(authOffsets.authorAlgorithm);
  const idKey = at(authOffsets.idKey, KEY_BYTES);
  const holds = (data: Uint8Array, key: number, signature: number): boolean =>
    verifySnpSignature(data, at(key, KEY_BYTES), at(signature, SIGNATURE_BYTES));
  const isKnown = (id: number): boolean => id === ALGORITHM_ECDSA_P384_SHA384;
  const author = isKnown(authorAlgorithm) && holds(idKey, authOffsets.authorKey, authOffsets.keySignature);
  return {
    idKey: isKnown(algorithm(authOffsets.idAlgorithm)) && holds(block, authOffsets.idKey, authOffsets.blockSignature),
    authorKey: authorAlgorithm === 0 ? undefined : author,
  };
}

/** Digests of the keys in an ID authentication; the author's is undefined without an author key. */
export function idAuthKeyDigests(idAuth: Uint8Array): { idKey: Buffer; authorKey: Buffer | undefined } {
  const reader = new ByteReader(idAuth, "SNP ID authentication");
  const hasAuthor = reader.seek(authOffsets.authorAlgorithm).u32le() !== 0;
  const digest = (position: number): Buffer => sha384(reader.seek(position).bytes(KEY_BYTES));
  return { idKey: digest(authOffsets.idKey), authorKey: hasAuthor ? digest(authOffsets.authorKey) : undefined };
}

function snpSignature(data: Uint8Array, key: KeyObject): Buffer {
  const raw = sign("sha384", data, { key, dsaEncoding: "ieee-p1363" });
  const bytes = Buffer.alloc(SIGNATURE_BYTES);
  bytes.set(raw.subarray(0, SCALAR_BYTES).reverse(), 0);
  bytes.set(raw.subarray(SCALAR_BYTES).reverse(), COMPONENT_BYTES);
  return bytes;
}

function verifySnpSignature(data: Uint8Array, keyBytes: Uint8Array, signature: Uint8Array): boolean {
  const component = (bytes: Uint8Array, at: number): Buffer =>
    Buffer.from(bytes.subarray(at, at + SCALAR_BYTES)).reverse();
  if (new ByteReader(keyBytes, "SNP key").u32le() !== CURVE_P384) return false;
  const coordinate = (at: number): string => component(keyBytes, at).toString("base64url");
  try {
    const jwk = { kty: "EC", crv: "P-384", x: coordinate(4), y: coordinate(4 + COMPONENT_BYTES) };
    const key = createPublicKey({ key: jwk, format: "jwk" });
    const raw = Buffer.concat([component(signature, 0), component(signature, COMPONENT_BYTES)]);
    return verify("sha384", data, { key, dsaEncoding: "ieee-p1363" }, raw);
  } catch {
    return false; // the coordinates are no point of the curve
  }
}

function place(target: Buffer, at: number, part: { field: string; bytes: Uint8Array; size: number }): void {
  const { field, bytes, size } = part;
  if (bytes.length !== size) throw new InvalidRequest(field, `needs ${size} bytes, has ${bytes.length}`);
  target.set(bytes, at);
}

function sha384(bytes: Uint8Array): Buffer {
  return createHash("sha384").update(bytes).digest();
}
