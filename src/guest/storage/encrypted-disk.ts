// dm-crypt over a disk of the host under a key that is made here and kept by this kernel alone. It keeps the
// content from the host; that the host gives back old or damaged blocks it cannot prevent (no dm-integrity).
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { InvalidRequest } from "../../lib/errors.ts";
import { createDevice, removeDevice, type Target } from "../sys/device-mapper.ts";
import type { BlockDevice } from "./block-devices.ts";

const SECTOR = 512;
const CRYPT_SECTOR = 4096;
/** two keys of 256 bits: XTS */
const KEY_BYTES = 64;

export interface EncryptedDisk extends Disposable {
  readonly node: string;
}

export function openEncrypted(disk: BlockDevice): EncryptedDisk {
  const sectors = Number(readFileSync(join("/sys/class/block", basename(disk.node), "size"), "utf8"));
  const name = `kata-crypt-${disk.major}-${disk.minor}`;
  return {
    node: createDevice(name, cryptTarget(disk.node, sectors, randomBytes(KEY_BYTES))),
    [Symbol.dispose]: () => removeDevice(name),
  };
}

/** Kernel table line of Documentation/admin-guide/device-mapper/dm-crypt.rst; whole encryption sectors only. */
export function cryptTarget(node: string, sectors: number, key: Uint8Array): Target {
  const perBlock = CRYPT_SECTOR / SECTOR;
  const usable = Math.floor(sectors / perBlock) * perBlock;
  if (usable === 0) throw new InvalidRequest("storages.source", `${node} is too small to be encrypted`);
  const options = ["allow_discards", `sector_size:${CRYPT_SECTOR}`];
  const words = ["aes-xts-plain64", Buffer.from(key).toString("hex"), 0, node, 0, options.length, ...options];
  return { type: "crypt", sectors: usable, parameters: words.join(" "), isWritable: true, isSecret: true };
}
