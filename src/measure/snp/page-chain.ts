// The SNP launch digest as a chain: LD = SHA384(PAGE_INFO) for every 4 KiB page
// (SEV-SNP Firmware ABI 1.58, 8.17.2, table 67). Only NORMAL and VMSA pages commit to contents.
// One PAGE_INFO buffer is reused, and runs of equal pages (padding) are hashed once.
import { hash } from "node:crypto";

export const PAGE_BYTES = 4096;
const DIGEST_BYTES = 48;
const INFO_BYTES = 0x70;
const CONTENTS_AT = 0x30;
const LENGTH_AT = 0x60;
const TYPE_AT = 0x62;
const GPA_AT = 0x68;

/** PAGE_TYPE values of table 67. */
export const pageTypes = { NORMAL: 1, VMSA: 2, ZERO: 3, UNMEASURED: 4, SECRETS: 5, CPUID: 6 } as const;
export type PageType = keyof typeof pageTypes;
export type BlankPageType = Exclude<PageType, "NORMAL" | "VMSA">;

export class PageChain {
  readonly #info = Buffer.alloc(INFO_BYTES);

  /** `seed`: a launch digest to go on from, for example after the firmware's pages. */
  constructor(seed?: Uint8Array) {
    if (seed) this.#info.set(seed, 0);
    this.#info.writeUInt16LE(INFO_BYTES, LENGTH_AT);
  }

  /** the launch digest so far, 48 bytes */
  get digest(): Buffer {
    return Buffer.from(this.#info.subarray(0, DIGEST_BYTES));
  }

  /**
   * Adds whole pages with their contents, from `gpa` upward.
   * Returns the SHA-384 of a single page, or for more pages the SHA-384 over their digests.
   */
  addContents(type: "NORMAL" | "VMSA", gpa: number, bytes: Uint8Array): Buffer {
    const all = Buffer.alloc((bytes.length / PAGE_BYTES) * DIGEST_BYTES);
    let previous: Uint8Array | undefined;
    let digest = Buffer.alloc(0);
    for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
      const page = bytes.subarray(at, at + PAGE_BYTES);
      if (!previous || Buffer.compare(page, previous) !== 0) digest = hash("sha384", page, "buffer");
      previous = page;
      this.#info.set(digest, CONTENTS_AT);
      this.#add(pageTypes[type], gpa + at);
      all.set(digest, (at / PAGE_BYTES) * DIGEST_BYTES);
    }
    return bytes.length > PAGE_BYTES ? hash("sha384", all, "buffer") : digest;
  }

  /** Adds pages whose address and type are measured, but no contents. */
  addBlank(type: BlankPageType, gpa: number, bytes: number): void {
    this.#info.fill(0, CONTENTS_AT, CONTENTS_AT + DIGEST_BYTES);
    for (let at = 0; at < bytes; at += PAGE_BYTES) this.#add(pageTypes[type], gpa + at);
  }

  /** One page of known contents digest. */
  addDigest(type: "NORMAL" | "VMSA", gpa: number, contents: Uint8Array): void {
    this.#info.set(contents, CONTENTS_AT);
    this.#add(pageTypes[type], gpa);
  }

  #add(type: number, gpa: number): void {
    this.#info[TYPE_AT] = type;
    this.#info.writeUInt32LE(gpa % 0x1_0000_0000, GPA_AT);
    this.#info.writeUInt32LE(Math.floor(gpa / 0x1_0000_0000), GPA_AT + 4);
    this.#info.set(hash("sha384", this.#info, "buffer"), 0);
  }
}
