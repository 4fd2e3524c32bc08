// The one-off job that consumes the host's configuration disk before anything else in the guest may see it:
// checks the document, extends PCR 8 with its digest, then lays its parts out under /run. It fails closed: the unit
// powers the guest off. `initdata.cjs DISK` is started only when a disk carries the magic (Kata's initdata device).
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { errorText } from "../lib/errors.ts";
import { fitDigest, measureInitdata, parseInitdata } from "../measure/initdata/initdata.ts";
import { MalformedInput } from "../measure/reader.ts";

const MAX_DOCUMENT = 4 << 20;
const HEADER = 16;
const INITDATA_PCR = 8;
const TPM = "/dev/tpmrm0";
const TARGET = "/run/confidential-containers/initdata";
/** systemd's log of userspace measurements, read by verifiers beside the firmware's */
const MEASURE_LOG = "/run/log/systemd/tpm2-measure.log";

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

/** TPM2_PCR_Extend with one sha256 digest and an empty password (TPM 2.0 part 3, section 22.2). */
export function renderPcrExtend(pcr: number, digest: Uint8Array): Buffer {
  const command = Buffer.alloc(65);
  command.writeUInt16BE(0x8002, 0); // TPM_ST_SESSIONS
  command.writeUInt32BE(command.length, 2);
  command.writeUInt32BE(0x182, 6); // TPM_CC_PCR_Extend
  command.writeUInt32BE(pcr, 10);
  command.writeUInt32BE(9, 14); // size of the authorization area
  command.writeUInt32BE(0x40000009, 18); // TPM_RS_PW, then empty nonce, attributes and password: 5 zero bytes
  command.writeUInt32BE(1, 27);
  command.writeUInt16BE(0xb, 31); // TPM_ALG_SHA256
  command.set(digest, 33);
  return command;
}

/** One record of a JSON text sequence, shaped as systemd-pcrextend writes its own. */
export function renderLogRecord(digest: Buffer, facts: { bootId: string; uptimeSeconds: number }): string {
  const record = {
    pcr: INITDATA_PCR,
    digests: [{ hashAlg: "sha256", digest: digest.toString("hex") }],
    content_type: "systemd",
    content: {
      string: "initdata",
      bootId: facts.bootId.replaceAll("-", ""),
      timestamp: Math.round(facts.uptimeSeconds * 1e6),
      eventType: "initdata",
    },
  };
  return `\x1e${JSON.stringify(record)}\n`;
}

function extendPcr(digest: Buffer): void {
  const fd = openSync(TPM, "r+");
  try {
    writeSync(fd, renderPcrExtend(INITDATA_PCR, digest));
    const answer = Buffer.alloc(4096);
    const length = readSync(fd, answer);
    const code = length < 10 ? 0xffffffff : answer.readUInt32BE(6);
    if (code !== 0) throw new Error(`the TPM refused to extend PCR ${INITDATA_PCR}: 0x${code.toString(16)}`);
  } finally {
    closeSync(fd);
  }
  mkdirSync(dirname(MEASURE_LOG), { recursive: true });
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const uptimeSeconds = Number.parseFloat(readFileSync("/proc/uptime", "utf8"));
  appendFileSync(MEASURE_LOG, renderLogRecord(digest, { bootId, uptimeSeconds }), { mode: 0o600 });
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
  if (existsSync(TPM)) extendPcr(digest);
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
