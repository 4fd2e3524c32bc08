// Host files that are a guest's disks: made for an emptyDir, or named by the record of a direct volume, in the
// form that Kata's tools and CSI drivers leave below /run/kata-containers/shared/direct-volumes.
import { open, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, errorText, HostCallFailed, InvalidRequest } from "../lib/errors.ts";
import type { Ownership } from "../lib/owned.ts";
import { hostCall, ifPresent } from "./host-call.ts";

/** A sparse file of zeros; an earlier one at its place is gone. */
export async function makeDiskFile(path: string, bytes: number, ownership: Ownership): Promise<void> {
  await ownership.claim({ kind: "path", path });
  try {
    await rm(path, { force: true });
    const file = await open(path, "wx", 0o600);
    await file.truncate(bytes).finally(() => file.close());
  } catch (error) {
    throw new HostCallFailed(`make ${path}`, errnoOf(error) ?? errorText(error), { cause: error });
  }
}

export interface DirectVolumeRecord {
  readonly device: string;
  readonly isDevice: boolean;
  readonly fsType: string;
  readonly options: readonly string[];
  readonly fsGroup?: { readonly id: number; readonly onlyOnMismatch: boolean };
}

const recordsDir = "/run/kata-containers/shared/direct-volumes";
const nameMaxBytes = 255;

/** undefined for a volume that has no record. */
export async function readDirectVolume(volume: string, records = recordsDir): Promise<DirectVolumeRecord | undefined> {
  const name = base64Name(volume);
  // no file has a longer name, so there is no such record
  if (name.length > nameMaxBytes) return undefined;
  const file = join(records, name, "mountInfo.json");
  const what = `read the direct volume of ${volume}`;
  const text = await ifPresent(what, () => readFile(file, "utf8"));
  if (text === undefined) return undefined;
  const record = parseDirectVolume(text, file);
  return { ...record, isDevice: (await hostCall(what, () => stat(record.device))).isBlockDevice() };
}

/** URL-safe and padded, as Go's base64.URLEncoding. */
function base64Name(path: string): string {
  return Buffer.from(path).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

export function parseDirectVolume(text: string, file: string): Omit<DirectVolumeRecord, "isDevice"> {
  const wrong = (member: string, why: string) => new InvalidRequest(`${file}: ${member}`, why);
  const record = parseObject(text) ?? {};
  const { device, fstype, options = [], metadata = {} } = record as Record<string, unknown>;
  if (typeof device !== "string" || !/^\/[^\0]*$/.test(device)) throw wrong("device", "must be an absolute path");
  if (typeof fstype !== "string" || !/^[a-z0-9]{1,16}$/.test(fstype)) throw wrong("fstype", "must name a file system");
  if (!Array.isArray(options) || !options.every((option) => typeof option === "string" && /^[\w.=:+-]+$/.test(option)))
    throw wrong("options", "must be mount options");
  const fsGroup = parseFsGroup(metadata as Record<string, unknown>, wrong);
  return { device, fsType: fstype, options, ...(fsGroup === undefined ? {} : { fsGroup }) };
}

function parseFsGroup(
  { fsGroup, fsGroupChangePolicy }: Record<string, unknown>,
  wrong: (member: string, why: string) => InvalidRequest,
): DirectVolumeRecord["fsGroup"] {
  if (fsGroup === undefined) return undefined;
  const id = Number(fsGroup);
  if (!Number.isInteger(id) || id < 0) throw wrong("metadata.fsGroup", "must be a group id");
  return { id, onlyOnMismatch: fsGroupChangePolicy === "OnRootMismatch" };
}

function parseObject(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
