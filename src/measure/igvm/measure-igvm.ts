// The launch digest of an SNP guest that starts from an IGVM file, walked the way QEMU walks it
// (qemu backends/igvm.c): runs of adjacent equal pages are loaded late, parameter inserts at once, the
// VMSA last. Pages without data are NORMAL pages of zeros. igvmmeasure's rules differ and are kept beside.
import { createHash } from "node:crypto";
import { toAddress, toHex } from "../hex.ts";
import { MalformedInput } from "../reader.ts";
import { parseIdBlock, verifyIdAuth } from "../snp/id-block.ts";
import { type BlankPageType, PageChain, type PageType } from "../snp/page-chain.ts";
import type { Step, Trail } from "../trail.ts";
import { IGVM, type IgvmFile, type IgvmHeader, PAGE, type PageData } from "./format.ts";
import { platformMask } from "./validate-for-qemu.ts";

/** Bounds the work a small file can ask for; COCONUT-SVSM needs about 6,000 pages, this allows 256 MiB. */
export const MAX_MEASURED_PAGES = 1 << 16;

/**
 * `qemu`: what a launch by QEMU reports. `igvmmeasure`: COCONUT's tool, in file order, one page per
 * parameter insert. `igvmmeasure-native-zero`: the same with its option for native zero pages.
 */
export type IgvmRules = "qemu" | "igvmmeasure" | "igvmmeasure-native-zero";

export interface IgvmIdBlock {
  /** 96 bytes with the file's policy, as QEMU gives it to the PSP */
  readonly idBlock: Buffer;
  /** 4096 bytes */
  readonly idAuth: Uint8Array;
  readonly authorKeyEnabled: boolean;
  /** whether the block names the measurement of this very file */
  readonly measurementMatches: boolean;
  readonly idKeySignatureValid: boolean;
  /** undefined without an author key */
  readonly authorKeySignatureValid: boolean | undefined;
}

export interface IgvmMeasurement {
  /** 48 bytes */
  readonly measurement: Buffer;
  /** the file's GUEST_POLICY; must equal the policy of the launch */
  readonly policy: bigint | undefined;
  readonly idBlock: IgvmIdBlock | undefined;
  readonly trail: Trail;
}

/** Digest of a parsed file for its SNP platform; judge the file with `validateForQemu` before trusting it. */
export function measureIgvm(file: IgvmFile, rules: IgvmRules = "qemu"): IgvmMeasurement {
  const mask = platformMask(file, "snp");
  const headers = file.headers.filter((header) => !("mask" in header) || (header.mask & mask) !== 0);
  const walk = new Walk(rules);
  for (const header of headers) walk.take(header);
  walk.finish();
  const measurement = walk.chain.digest;
  const policy = headers.find((header) => header.kind === "policy")?.policy;
  const value = toHex(measurement);
  const trail: Trail = { register: "snp", algorithm: "sha384", initial: "00".repeat(48), steps: walk.steps, value };
  return { measurement, policy, idBlock: judgeIdBlock(headers, policy, measurement), trail };
}

interface Load {
  readonly label: string;
  readonly offset: number;
  readonly type: PageType;
  readonly gpa: number;
  readonly bytes: number;
  /** absent for pages of zeros and for pages whose contents are not measured */
  readonly data?: Uint8Array;
}

class Walk {
  readonly chain = new PageChain();
  readonly steps: Step[] = [];
  readonly #rules: IgvmRules;
  readonly #areas = new Map<number, number>();
  #run: { previous: PageData; index: number; loads: Load[] } | undefined;
  #last: Load | undefined;
  #index = -1;
  #pages = 0;

  constructor(rules: IgvmRules) {
    this.#rules = rules;
  }

  take(header: IgvmHeader): void {
    this.#index++;
    if (header.kind === "parameter-area") this.#areas.set(header.index, header.bytes);
    if (header.kind === "page-data") this.#page(header);
    if (header.kind === "parameter-insert") {
      const size = this.#areas.get(header.index);
      if (size === undefined) return; // QEMU warns and goes on
      const bytes = this.#rules === "qemu" ? size : PAGE;
      const { gpa, offset } = header;
      this.#load([{ label: `parameter area ${header.index}`, offset, type: "UNMEASURED", gpa, bytes }]);
    }
    if (header.kind === "vp-context") {
      const { gpa, offset, data, vpIndex } = header;
      if (data.length !== PAGE) throw new MalformedInput(IGVM, offset, `VMSA of ${data.length} bytes`);
      const load: Load = { label: `vCPU ${vpIndex}`, offset, type: "VMSA", gpa, bytes: data.length, data };
      if (this.#rules === "qemu") this.#last = load;
      else this.#load([load]);
    }
  }

  finish(): void {
    this.#flush();
    if (this.#last) this.#load([this.#last]);
  }

  #page(page: PageData): void {
    const load = loadOf(page, this.#rules);
    if (this.#rules === "qemu") {
      if (this.#run && !continues(page, this.#run.previous, this.#index - this.#run.index)) this.#flush();
      this.#run = { previous: page, index: this.#index, loads: this.#run?.loads ?? [] };
      this.#run.loads.push(load);
    } else {
      this.#load([load]);
    }
  }

  #flush(): void {
    const loads = this.#run?.loads ?? [];
    this.#run = undefined;
    this.#load(loads);
  }

  #load(loads: readonly Load[]): void {
    const [first] = loads;
    if (!first) return;
    const contents = createHash("sha384");
    let hasContents = false;
    let bytes = 0;
    for (const load of loads) {
      this.#pages += load.bytes / PAGE;
      if (this.#pages > MAX_MEASURED_PAGES) {
        throw new MalformedInput(IGVM, load.offset, `loads more than ${MAX_MEASURED_PAGES} pages`);
      }
      bytes += load.bytes;
      if (load.type === "NORMAL" || load.type === "VMSA") {
        hasContents = true;
        const digest = this.chain.addContents(load.type, load.gpa, load.data ?? new Uint8Array(load.bytes));
        if (loads.length === 1) this.#note(first, bytes, toHex(digest));
        contents.update(digest);
      } else {
        this.chain.addBlank(load.type, load.gpa, load.bytes);
      }
    }
    if (!hasContents) this.#note(first, bytes, "");
    else if (loads.length > 1) this.#note(first, bytes, contents.digest("hex"));
  }

  #note({ label, type, gpa, offset }: Load, bytes: number, digest: string): void {
    const parts = [{ label: "header in the file", setting: "--igvm", value: toAddress(offset) }];
    const running = toHex(this.chain.digest);
    this.steps.push({ label, setting: "--igvm", event: type, gpa: toAddress(gpa), bytes, digest, running, parts });
  }
}

/** Whether QEMU puts this page into the same run: next directive, next address, equal flags, type and kind of data. */
function continues(page: PageData, previous: PageData, directives: number): boolean {
  return (
    directives === 1 &&
    page.gpa === previous.gpa + PAGE &&
    page.unmeasured === previous.unmeasured &&
    page.shared === previous.shared &&
    page.type === previous.type &&
    page.mask === previous.mask &&
    (page.data === undefined) === (previous.data === undefined)
  );
}

const blankTypes: Readonly<Record<PageData["type"], BlankPageType>> = {
  normal: "UNMEASURED",
  secrets: "SECRETS",
  cpuid: "CPUID",
  "cpuid-xf": "CPUID",
};
const labels: Readonly<Record<PageData["type"], string>> = {
  normal: "pages",
  secrets: "secrets page",
  cpuid: "CPUID page",
  "cpuid-xf": "CPUID XFAM page",
};

function loadOf({ gpa, offset, type, unmeasured, large, data }: PageData, rules: IgvmRules): Load {
  if (large) throw new MalformedInput(IGVM, offset, "a 2 MiB page, of which libigvm reads 4 KiB");
  const where = { offset, gpa, bytes: PAGE };
  if (type !== "normal" || unmeasured) return { ...where, label: labels[type], type: blankTypes[type] };
  if (data) return { ...where, label: labels[type], type: "NORMAL", data };
  const zero = rules === "igvmmeasure-native-zero" ? "ZERO" : "NORMAL";
  return { ...where, label: "pages of zeros", type: zero };
}

function judgeIdBlock(
  headers: readonly IgvmHeader[],
  policy: bigint | undefined,
  measurement: Buffer,
): IgvmIdBlock | undefined {
  const header = headers.find((one) => one.kind === "id-block");
  if (!header) return undefined;
  const idBlock = Buffer.from(header.idBlock);
  idBlock.writeBigUInt64LE(policy ?? 0n, 88);
  const { idAuth, authorKeyEnabled } = header;
  const valid = verifyIdAuth(idBlock, idAuth);
  return {
    idBlock,
    idAuth,
    authorKeyEnabled,
    measurementMatches: measurement.equals(parseIdBlock(idBlock).measurement),
    idKeySignatureValid: valid.idKey,
    authorKeySignatureValid: valid.authorKey,
  };
}
