// The words of `npm run conformance`.
import { parseArgs } from "node:util";

export const USAGE =
  "npm run conformance -- [--containerd 1.6|1.7|2.1|2|FOLDER] [--handler NAME] [--seed N,N...] [--focus RE] " +
  "[--peer runc] [--out FILE] [--log FILE]";

const versions = ["1.6", "1.7", "2.1", "2"] as const;

export interface ConformanceOptions {
  /** a version that is built or installed, or a folder with the programs */
  readonly containerd: { readonly version: (typeof versions)[number] } | { readonly folder: string };
  readonly handler: string;
  readonly seeds: readonly string[];
  readonly focus?: string | undefined;
  readonly peer?: string | undefined;
  readonly out?: string | undefined;
  readonly log?: string | undefined;
}

/** Throws an error of one line for what it cannot take. */
export function parseOptions(args: readonly string[]): ConformanceOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      containerd: { type: "string", default: "1.6" },
      handler: { type: "string", default: "kata-cvm-fast" },
      seed: { type: "string", default: "1" },
      focus: { type: "string" },
      peer: { type: "string" },
      out: { type: "string" },
      log: { type: "string" },
    },
  });
  const { containerd, seed, ...rest } = values;
  const seeds = seed.split(",");
  if (!seeds.every((one) => /^\d{1,9}$/.test(one))) throw new Error(`--seed ${seed} is no list of whole numbers`);
  if (rest.focus !== undefined) new RegExp(rest.focus);
  return { ...rest, seeds, containerd: parseContainerd(containerd) };
}

function parseContainerd(named: string): ConformanceOptions["containerd"] {
  if (named.startsWith("/")) return { folder: named };
  const version = versions.find((one) => one === named);
  if (version === undefined) throw new Error(`--containerd ${named} is none of ${versions.join(", ")} and no folder`);
  return { version };
}
