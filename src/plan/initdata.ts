// Initdata of a pod: taken from its annotation, checked, bound to what the platform can vouch
// for, and packed as the disk that the agent looks for. The digest is over the document's own
// bytes; the gzip around them is made anew, so that every reader unpacks exactly these bytes.
import { gunzipSync, gzipSync } from "node:zlib";
import { initdataAnnotation } from "../config/overrides.ts";
import { errorText, InvalidRequest } from "../lib/errors.ts";
import { parseBase64 } from "../measure/hex.ts";
import { measureInitdata } from "../measure/initdata/initdata.ts";
import type { InitdataPlan } from "./launch-plan.ts";

export interface PodInitdata {
  readonly document: Buffer;
  readonly plan: Omit<InitdataPlan, "bound">;
  /** each in base64 */
  readonly hostData: string;
  readonly mrconfigid: string;
  readonly pcr8: Buffer;
  readonly diskImage: Buffer;
}

const magic = Buffer.from("initdata", "ascii");
const sector = 512;

export function parsePodInitdata(
  given: { annotation: string | undefined; document: string | undefined },
  maxBytes: number,
): PodInitdata | undefined {
  const document = given.annotation === undefined ? fromFile(given.document) : unpack(given.annotation, maxBytes);
  if (document === undefined) return undefined;
  const field = given.annotation === undefined ? "initdata.file" : fieldName;
  if (document.length > maxBytes) {
    throw new InvalidRequest(field, `is ${document.length} bytes long, initdata.max_bytes allows ${maxBytes}`);
  }
  const binding = measured(document, field);
  return {
    document,
    plan: {
      algorithm: binding.algorithm,
      digest: binding.digest.toString("hex"),
      documentBytes: document.length,
    },
    hostData: binding.snpHostData.toString("base64"),
    mrconfigid: binding.tdxMrConfigId.toString("base64"),
    pcr8: binding.pcr8,
    diskImage: packInitdataDisk(document),
  };
}

/** 8 bytes `initdata`, u64 little-endian length, gzip, zeros to a whole sector (Kata's initdata device). */
export function packInitdataDisk(document: Uint8Array): Buffer {
  // Stored, not deflated: the bytes then do not depend on the zlib that Node was built with.
  const packed = gzipSync(document, { level: 0 });
  packed[gzipOsByte] = gzipOsUnknown;
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(packed.length));
  const content = Buffer.concat([magic, length, packed]);
  return Buffer.concat([content], Math.ceil(content.length / sector) * sector);
}

// RFC 1952 section 2.3: OS is byte 9, 255 is "unknown".
const gzipOsByte = 9;
const gzipOsUnknown = 255;

const fieldName = `annotations["${initdataAnnotation}"]`;

function fromFile(document: string | undefined): Buffer | undefined {
  return document === undefined || document === "" ? undefined : Buffer.from(document, "utf8");
}

function unpack(annotation: string, maxBytes: number): Buffer {
  if (annotation.length > maxBytes * 2 + 1024) {
    throw new InvalidRequest(fieldName, `is ${annotation.length} characters long, too much for ${maxBytes} bytes`);
  }
  const packed = annotation.length % 4 === 0 ? parseBase64(annotation) : undefined;
  if (packed === undefined || packed.length === 0) {
    throw new InvalidRequest(fieldName, "is not base64; it must be base64(gzip(TOML))");
  }
  try {
    return gunzipSync(packed, { maxOutputLength: maxBytes });
  } catch (error) {
    const tooLong = error instanceof RangeError;
    const problem = tooLong ? `unpacks to more than ${maxBytes} bytes` : `does not unpack: ${errorText(error)}`;
    throw new InvalidRequest(fieldName, problem, { cause: error });
  }
}

function measured(document: Buffer, field: string) {
  try {
    return measureInitdata(document);
  } catch (error) {
    throw new InvalidRequest(field, errorText(error), { cause: error });
  }
}
