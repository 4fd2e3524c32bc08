// Host facts from a file: for planning a launch on a machine that is not at hand. What the file does
// not name is asked from this host; a complete file needs no host at all.
import type { RuntimeConfig } from "../config/schema.ts";
import { readGuestImage } from "../host/guest-image.ts";
import { flag, integer, list, may, object, text } from "../lib/decode.ts";
import { errorText, InvalidRequest } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { HostFacts } from "../plan/inputs.ts";
import { probeHostFacts } from "../runtime/host-facts.ts";
import { readInput } from "./read-input.ts";

type Partly<T> = {
  readonly [K in keyof T]?: T[K] extends readonly unknown[] ? T[K] : T[K] extends object ? Partly<T[K]> : T[K];
};
type GivenFacts = Partly<HostFacts>;

const bit = integer(0, 63);
const texts = list(text);
const members = {
  kvm: may(object<Partly<HostFacts["kvm"]>>({ usable: may(flag), reason: may(text) })),
  qemu: may(
    object<Partly<HostFacts["qemu"]>>({
      path: may(text),
      version: may(text),
      objects: may(texts),
      machineProperties: may(texts),
      sandbox: may(flag),
    }),
  ),
  snp: may(
    object<Partly<HostFacts["snp"]>>({
      supported: may(flag),
      cbitpos: may(bit),
      reducedPhysBits: may(bit),
      origin: may(text),
    }),
  ),
  tdx: may(object<Partly<HostFacts["tdx"]>>({ supported: may(flag) })),
  vhostVsock: may(flag),
  vhostNet: may(flag),
  quoteSocket: may(flag),
  virtiofsd: may(flag),
  firmwareProblem: may(text),
  image: may(
    object<Partly<HostFacts["image"]>>({ dir: may(text), rootHash: may(text), cmdline: may(text), files: may(texts) }),
  ),
};
const imageMembers = ["dir", "rootHash", "cmdline", "files"];
const decodeFacts = object<GivenFacts>(members);

/** A class that a host cannot run still has a plan: then these stand in, and a launch never sees them. */
const assumed: Omit<HostFacts, "image" | "qemu"> = {
  kvm: { usable: false, reason: "not asked" },
  snp: { supported: false, cbitpos: 51, reducedPhysBits: 1, origin: "assumed, as EPYC processors have it so far" },
  tdx: { supported: false },
  vhostVsock: true,
  vhostNet: true,
  quoteSocket: false,
  virtiofsd: false,
};

export async function readHostFacts(
  config: RuntimeConfig,
  file: string | undefined,
  logger: Logger,
): Promise<HostFacts> {
  if (file === undefined) return assumeSev(await probeHostFacts(config, { logger }));
  const given = parseFacts(await readInput("--facts", file), file);
  if (isWhole(given.qemu, ["path", "version", "objects", "machineProperties", "sandbox"])) {
    const image = isWhole(given.image, imageMembers)
      ? given.image
      : { ...(await readGuestImage(config.paths.image)), ...given.image };
    return merge({ ...assumed, qemu: given.qemu, image } as HostFacts, given);
  }
  return merge(assumeSev(await probeHostFacts(config, { logger })), given);
}

/** On a host without SEV a plan can be read all the same; its facts say what stands in. */
function assumeSev(facts: HostFacts): HostFacts {
  if (facts.snp.cbitpos !== 0) return facts;
  const { cbitpos, reducedPhysBits, origin } = assumed.snp;
  return { ...facts, snp: { ...facts.snp, cbitpos, reducedPhysBits, origin: `${origin}; ${facts.snp.origin}` } };
}

/** Abilities of the newest QEMU that plans know of; none of them moves a measurement. */
const ableQemu: HostFacts["qemu"] = {
  path: "",
  version: "",
  objects: ["sev-snp-guest", "tdx-guest", "igvm-cfg"],
  machineProperties: ["igvm-cfg"],
  sandbox: true,
};

/** For predictions: this host is not asked, only the image is read. What the file names wins. */
export async function assumeHostFacts(config: RuntimeConfig, file: string | undefined): Promise<HostFacts> {
  const given = file === undefined ? {} : parseFacts(await readInput("--facts", file), file);
  const image = isWhole(given.image, imageMembers) ? given.image : await readGuestImage(config.paths.image);
  return merge({ ...assumed, qemu: ableQemu, image } as HostFacts, given);
}

export function parseFacts(bytes: Uint8Array, file: string): GivenFacts {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    throw new InvalidRequest("--facts", `${file} is not JSON: ${errorText(error)}`, { cause: error });
  }
  const unknown = Object.keys(typeof value === "object" && value !== null ? value : {}).find(
    (key) => !(key in members),
  );
  if (unknown !== undefined) {
    throw new InvalidRequest(
      "--facts",
      `there is no fact ${JSON.stringify(unknown)}; known are ${Object.keys(members).join(", ")}`,
    );
  }
  return decodeFacts(value, "");
}

function isWhole(value: object | undefined, keys: readonly string[]): boolean {
  return value !== undefined && keys.every((key) => key in value);
}

function merge(facts: HostFacts, given: GivenFacts): HostFacts {
  const base = facts as unknown as Record<string, unknown>;
  const changes = Object.entries(given).map(([key, value]) => {
    const whole = typeof value === "object" && value !== null ? { ...(base[key] as object), ...value } : value;
    return [key, whole] as const;
  });
  return { ...facts, ...Object.fromEntries(changes) };
}
