// MRTD: one SHA-384 over what the VMM adds before the TD runs (TDX module base specification, TDH.MEM.PAGE.ADD
// and TDH.MR.EXTEND). Two orders are in the field, so both are computed: page by page (upstream KVM and QEMU),
// and all adds of a section before its extends (Canonical's 8.2 stack).
import { createHash } from "node:crypto";
import { toAddress, toHex } from "../hex.ts";
import type { Step, Trail } from "../trail.ts";
import { PAGE, type TdvfSection } from "./tdvf.ts";

const CHUNK = 256;
const RECORD = 128;
const GPA_AT = 16;

export type MrtdOrder = "singlePass" | "twoPass";

export interface MrtdMeasurement {
  /** 48 bytes */
  readonly mrtd: Buffer;
  readonly trail: Trail;
}

/** MRTD of a TDVF's sections in table order. */
export function measureMrtd(sections: readonly TdvfSection[], order: MrtdOrder): MrtdMeasurement {
  const sha = createHash("sha384");
  const operations = new MrtdStream((bytes) => sha.update(bytes));
  const steps: Step[] = [];
  for (const section of sections) {
    if (section.augmented) continue;
    operations.addSection(section, order);
    steps.push(stepOf(section, order, sha.copy().digest("hex")));
  }
  const mrtd = sha.digest();
  const register = order === "singlePass" ? "mrtd" : "mrtd-two-pass";
  return { mrtd, trail: { register, algorithm: "sha384", initial: "", steps, value: toHex(mrtd) } };
}

function stepOf(section: TdvfSection, order: MrtdOrder, running: string): Step {
  const { type, address, memoryBytes, data, extend } = section;
  return {
    label: `${type} section`,
    setting: "--ovmf",
    event: `${extend ? "PAGE.ADD+EXTEND" : "PAGE.ADD"} (${order})`,
    gpa: toAddress(address),
    bytes: memoryBytes,
    digest: extend ? createHash("sha384").update(data).digest("hex") : "",
    running,
  };
}

class MrtdStream {
  readonly #add = record("MEM.PAGE.ADD");
  /** sixteen extend records, each followed by its 256 bytes */
  readonly #page = Buffer.alloc((PAGE / CHUNK) * (RECORD + CHUNK));
  readonly #update: (bytes: Uint8Array) => void;

  constructor(update: (bytes: Uint8Array) => void) {
    this.#update = update;
    const extend = record("MR.EXTEND");
    for (let at = 0; at < this.#page.length; at += RECORD + CHUNK) this.#page.set(extend, at);
  }

  addSection({ address, memoryBytes, data, extend }: TdvfSection, order: MrtdOrder): void {
    for (let at = 0; at < memoryBytes; at += PAGE) {
      this.#addPage(address + at);
      if (extend && order === "singlePass") this.#extendPage(address + at, data.subarray(at, at + PAGE));
    }
    if (!extend || order === "singlePass") return;
    for (let at = 0; at < memoryBytes; at += PAGE) this.#extendPage(address + at, data.subarray(at, at + PAGE));
  }

  #addPage(gpa: number): void {
    writeGpa(this.#add, GPA_AT, gpa);
    this.#update(this.#add);
  }

  #extendPage(gpa: number, data: Uint8Array): void {
    for (let chunk = 0; chunk < PAGE / CHUNK; chunk++) {
      const at = chunk * (RECORD + CHUNK);
      const bytes = data.subarray(chunk * CHUNK, (chunk + 1) * CHUNK);
      writeGpa(this.#page, at + GPA_AT, gpa + chunk * CHUNK);
      this.#page.set(bytes, at + RECORD);
      this.#page.fill(0, at + RECORD + bytes.length, at + RECORD + CHUNK);
    }
    this.#update(this.#page);
  }
}

function record(name: string): Buffer {
  const bytes = Buffer.alloc(RECORD);
  bytes.write(name, "latin1");
  return bytes;
}

function writeGpa(target: Buffer, at: number, gpa: number): void {
  target.writeUInt32LE(gpa % 0x1_0000_0000, at);
  target.writeUInt32LE(Math.floor(gpa / 0x1_0000_0000), at + 4);
}
