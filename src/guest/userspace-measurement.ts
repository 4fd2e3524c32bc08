// Extends a register of the guest's TPM and writes it down where systemd does, so that the logs replay to the
// registers. While the log is behind its register the file has the sticky bit, as systemd sets it.
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

const TPM = "/dev/tpmrm0";
/** systemd's log of userspace measurements, read by verifiers beside the firmware's */
const MEASURE_LOG = "/run/log/systemd/tpm2-measure.log";
const LOG_MODE = 0o600;
const STICKY = 0o1000;

export interface UserspaceMeasurement {
  readonly pcr: number;
  /** SHA-256 */
  readonly digest: Buffer;
  readonly eventType: string;
  /** what was hashed, or a word for it */
  readonly text: string;
}

/** Does nothing in a guest without a TPM; throws when the TPM refuses. */
export function extendAndLog(measurement: UserspaceMeasurement): void {
  if (!existsSync(TPM)) return;
  mkdirSync(dirname(MEASURE_LOG), { recursive: true });
  appendFileSync(MEASURE_LOG, "", { mode: LOG_MODE });
  chmodSync(MEASURE_LOG, LOG_MODE | STICKY);
  extendPcr(measurement.pcr, measurement.digest);
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const uptimeSeconds = Number.parseFloat(readFileSync("/proc/uptime", "utf8"));
  appendFileSync(MEASURE_LOG, renderLogRecord(measurement, { bootId, uptimeSeconds }));
  chmodSync(MEASURE_LOG, LOG_MODE);
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
export function renderLogRecord(
  { pcr, digest, text, eventType }: UserspaceMeasurement,
  facts: { bootId: string; uptimeSeconds: number },
): string {
  const record = {
    pcr,
    digests: [{ hashAlg: "sha256", digest: digest.toString("hex") }],
    content_type: "systemd",
    content: {
      string: text,
      bootId: facts.bootId.replaceAll("-", ""),
      timestamp: Math.round(facts.uptimeSeconds * 1e6),
      eventType,
    },
  };
  return `\x1e${JSON.stringify(record)}\n`;
}

function extendPcr(pcr: number, digest: Buffer): void {
  const fd = openSync(TPM, "r+");
  try {
    writeSync(fd, renderPcrExtend(pcr, digest));
    const answer = Buffer.alloc(4096);
    const length = readSync(fd, answer);
    const code = length < 10 ? 0xffffffff : answer.readUInt32BE(6);
    if (code !== 0) throw new Error(`the TPM refused to extend PCR ${pcr}: 0x${code.toString(16)}`);
  } finally {
    closeSync(fd);
  }
}
