// Intel's SGX extension of a PCK certificate: the platform's family and security versions, which
// TCB info is looked up by. OIDs: Intel SGX PCK Certificate and CRL Profile Specification §1.3.5.
import { toHex } from "../hex.ts";
import { ByteReader, MalformedInput } from "../reader.ts";
import type { Certificate } from "./certificate.ts";
import { readOid, readSmallInteger, readTagged, restOf, TAG } from "./der.ts";

const SGX = "1.2.840.113741.1.13.1";

export interface PckExtension {
  /** 12 hex digits */
  readonly fmspc: string;
  /** 4 hex digits */
  readonly pceId: string;
  /** SGX TCB components 1 to 16 */
  readonly components: readonly number[];
  readonly pceSvn: number;
}

export function parsePckExtension(certificate: Certificate): PckExtension {
  const bytes = certificate.extensions.get(SGX);
  if (bytes === undefined) throw new MalformedInput("PCK certificate", 0, "has no SGX extension");
  const fields = new Map<string, ByteReader>();
  readFields(readTagged(new ByteReader(bytes, "SGX extension"), TAG.sequence).content, fields);
  const tcb = fields.get(`${SGX}.2`);
  if (tcb !== undefined) readFields(readTagged(tcb, TAG.sequence).content, fields);
  const integer = (oid: string): number => readSmallInteger(need(fields, oid));
  const octets = (oid: string): string => toHex(restOf(readTagged(need(fields, oid), TAG.octetString).content));
  return {
    fmspc: octets(`${SGX}.4`),
    pceId: octets(`${SGX}.3`),
    components: Array.from({ length: 16 }, (_, index) => integer(`${SGX}.2.${index + 1}`)),
    pceSvn: integer(`${SGX}.2.17`),
  };
}

/** A sequence of {OID, value}; the reader left for each stands before its value. */
function readFields(list: ByteReader, fields: Map<string, ByteReader>): void {
  while (list.remaining > 0) {
    const entry = readTagged(list, TAG.sequence).content;
    const oid = readOid(entry);
    if (!fields.has(oid)) fields.set(oid, entry);
  }
}

function need(fields: ReadonlyMap<string, ByteReader>, oid: string): ByteReader {
  const reader = fields.get(oid);
  if (reader === undefined) throw new MalformedInput("SGX extension", 0, `lacks ${oid}`);
  return reader;
}
