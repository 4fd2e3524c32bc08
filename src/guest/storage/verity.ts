// dm-verity over one container layer: the data, then its hash tree, in one device or partition.
// Option names and defaults are the agent protocol's (§4.3, X-kata.dmverity.*).
import { InvalidRequest } from "../../lib/errors.ts";
import { createDevice, deviceStatus, removeDevice, type Target } from "../sys/device-mapper.ts";

const SECTOR = 512;
const PREFIX = "X-kata.dmverity.";

export interface VerityOptions {
  /** hex */
  readonly rootHash: string;
  /** where the superblock, or without one the tree, begins; the data ends here */
  readonly hashOffset: number;
  readonly dataBlockSize: number;
  readonly hashBlockSize: number;
  readonly algorithm: string;
  /** hex, or `-` for none */
  readonly salt: string;
  readonly hashType: number;
  readonly hasSuperblock: boolean;
}

export function isVerityEnabled(options: readonly string[]): boolean {
  return options.includes("X-kata.dmverity-enabled=true");
}

export function parseVerityOptions(options: readonly string[]): VerityOptions {
  const value = (name: string) =>
    options.find((word) => word.startsWith(`${PREFIX}${name}=`))?.slice(PREFIX.length + name.length + 1);
  const count = (name: string, initial: number): number => {
    const text = value(name) ?? String(initial);
    if (!/^\d{1,15}$/.test(text))
      throw new InvalidRequest(`${PREFIX}${name}`, `${JSON.stringify(text)} is not a number`);
    return Number(text);
  };
  const parsed = {
    rootHash: hex("roothash", value("roothash") ?? ""),
    hashOffset: count("hashoffset", 0),
    dataBlockSize: count("blocksize", 4096),
    hashBlockSize: count("hashsize", 4096),
    algorithm: value("algorithm") ?? "sha256",
    salt: parseSalt(value("salt")),
    hashType: count("hashtype", 1),
    hasSuperblock: value("no-superblock") !== "true",
  };
  checkVerity(parsed);
  return parsed;
}

function checkVerity(options: VerityOptions): void {
  const { algorithm, hashOffset, dataBlockSize, hashBlockSize } = options;
  if (!/^[a-z0-9-]{1,31}$/.test(algorithm)) throw new InvalidRequest(`${PREFIX}algorithm`, "is not a hash name");
  for (const size of [dataBlockSize, hashBlockSize]) {
    if (size < SECTOR || size > 65536 || (size & (size - 1)) !== 0) {
      throw new InvalidRequest(`${PREFIX}blocksize`, `${size} is not a block size`);
    }
  }
  if (hashOffset === 0 || hashOffset % dataBlockSize !== 0 || hashOffset % hashBlockSize !== 0) {
    throw new InvalidRequest(`${PREFIX}hashoffset`, `${hashOffset} is not a positive multiple of the block sizes`);
  }
}

function parseSalt(text: string | undefined): string {
  return text === undefined || text === "" || text === "-" ? "-" : hex("salt", text);
}

/** Kernel table line of Documentation/admin-guide/device-mapper/verity.rst. */
export function verityTarget(node: string, options: VerityOptions): Target {
  const { hashOffset, dataBlockSize, hashBlockSize } = options;
  const hashStart = hashOffset / hashBlockSize + (options.hasSuperblock ? Math.ceil(SECTOR / hashBlockSize) : 0);
  const words = [
    options.hashType,
    node,
    node,
    dataBlockSize,
    hashBlockSize,
    hashOffset / dataBlockSize,
    hashStart,
    options.algorithm,
    options.rootHash,
    options.salt,
  ];
  return { type: "verity", sectors: hashOffset / SECTOR, parameters: words.join(" ") };
}

export interface VerityDevice extends Disposable {
  readonly node: string;
  /** whether a read has met a block that does not fit the root hash */
  isCorrupted(): boolean;
}

export function openVerity(name: string, node: string, options: VerityOptions): VerityDevice {
  const device = createDevice(name, verityTarget(node, options));
  return {
    node: device,
    isCorrupted: () => deviceStatus(name).startsWith("C"),
    [Symbol.dispose]: () => removeDevice(name),
  };
}

function hex(name: string, text: string): string {
  if (!/^([0-9a-f]{2}){1,256}$/i.test(text))
    throw new InvalidRequest(`${PREFIX}${name}`, `${JSON.stringify(text.slice(0, 80))} is not hex`);
  return text.toLowerCase();
}
