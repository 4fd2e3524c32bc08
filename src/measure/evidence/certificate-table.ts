// The certificates that an SNP host hands to its guests beside a report: a table of GUIDs, offsets and lengths that
// a zero GUID ends, then the certificates (GHCB standard 2.03, 4.1.8.1). The host is untrusted: it may hand out anything.
import { ByteReader, guidText, limitSize } from "../reader.ts";
import { type Certificate, parseCertificates } from "./certificate.ts";

const FORMAT = "certificate table";
const MAX_BYTES = 1 << 20;
const MAX_ENTRIES = 16;
const END = "00000000-0000-0000-0000-000000000000";
/** ARK, ASK or ASVK, VCEK, VLEK; hosts add more under GUIDs of their own, such as endorsements of firmware. */
const CERTIFICATES: ReadonlySet<string> = new Set([
  "c0b406a4-a803-4952-9743-3fb6014cd0ae",
  "4ab7b379-bbac-4fe4-a02f-05aef327c782",
  "63da758d-e664-4564-adc5-f4b93be8accd",
  "a8074bc2-a25a-483e-aae6-39c045a0b8a1",
]);

/** AMD's certificates in the table's order; none for an empty table, which hosts hand out by default. */
export function parseCertificateTable(bytes: Uint8Array): readonly Certificate[] {
  limitSize(bytes, MAX_BYTES, FORMAT);
  if (bytes.length === 0) return [];
  const reader = new ByteReader(bytes, FORMAT);
  const found: Certificate[] = [];
  for (let index = 0; ; index++) {
    const guid = guidText(reader.bytes(16));
    if (guid === END) return found;
    if (index === MAX_ENTRIES) reader.fail(`more than ${MAX_ENTRIES} entries`);
    const offset = reader.u32le();
    const length = reader.u32le();
    if (CERTIFICATES.has(guid)) found.push(...parseCertificates(reader.at(offset, length).bytes(length)));
  }
}
