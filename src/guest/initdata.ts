// The one-off job that consumes the host's configuration disk before anything else in the guest may see it:
// checks the document, extends PCR 8 with its digest, then lays its parts out under /run. It fails closed: the unit
// powers the guest off. `initdata.cjs DISK` is started only when a disk carries the magic (Kata's initdata device).
import { chmodSync, closeSync, mkdirSync, openSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { errorText } from "../lib/errors.ts";
import { fitDigest, measureInitdata, parseInitdata } from "../measure/initdata/initdata.ts";
import { MalformedInput } from "../measure/reader.ts";
import { extendAndLog } from "./userspace-measurement.ts";

const MAX_DOCUMENT = 4 << 20;
const HEADER = 16;
const INITDATA_PCR = 8;
const TARGET = "/run/confidential-containers/initdata";

/** Reads `initdata`, u64 little-endian length, gzip; anything after that is padding. */
export function readInitdataDisk(disk: string): Buffer {
  const fd = openSync(disk, "r");
  try {
    const header = readExactly(fd, HEADER, 0);
    if (header.toString("latin1", 0, 8) !== "initdata")
      throw new MalformedInput("initdata", 0, "the disk has no magic");
    const length = header.readBigUInt64LE(8);
    if (length > BigInt(MAX_DOCUMENT)) throw new MalformedInput("initdata", 8, `claims ${length} bytes`);
    return gunzipSync(readExactly(fd, Number(length), HEADER), { maxOutputLength: MAX_DOCUMENT });
  } finally {
    closeSync(fd);
  }
}

function layOut(document: Buffer): void {
  mkdirSync(TARGET, { recursive: true, mode: 0o700 });
  const { data } = parseInitdata(document);
  for (const [name, text] of data) {
    // The names come from the host: one path component, nothing hidden, nothing that climbs.
    if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(name)) {
      throw new MalformedInput("initdata", 0, `data.${JSON.stringify(name)} is no file name`);
    }
    writeFileSync(join(TARGET, name), text, { mode: 0o600 });
  }
  writeFileSync(join(TARGET, "initdata.toml"), document, { mode: 0o600 });
  chmodSync(TARGET, 0o500);
}

function readExactly(fd: number, length: number, position: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const count = readSync(fd, bytes, done, length - done, position + done);
    if (count === 0) throw new MalformedInput("initdata", position + done, "the disk ends early");
    done += count;
  }
  return bytes;
}

function main(disk: string): void {
  const document = readInitdataDisk(disk);
  const digest = fitDigest(measureInitdata(document).digest, 32);
  extendAndLog({ pcr: INITDATA_PCR, digest, eventType: "initdata", text: "initdata" });
  layOut(document);
}

if (process.argv[1]?.endsWith("initdata.cjs") === true) {
  try {
    main(process.argv[2] ?? "");
  } catch (error) {
    process.stderr.write(`kata-initdata: refused: ${errorText(error)}\n`);
    process.exitCode = 1;
  }
}
