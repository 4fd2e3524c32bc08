// The kernel's list of mounts (proc(5), /proc/PID/mountinfo). Pure.
import { ProtocolViolation } from "../lib/errors.ts";

export interface MountEntry {
  readonly mountId: number;
  readonly parentId: number;
  /** `major:minor` */
  readonly device: string;
  /** path inside the file system that is mounted */
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  readonly fsType: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** Entries in mount order: a later one lies on top of an earlier one at the same place. */
export function parseMountinfo(text: string): readonly MountEntry[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(parseLine);
}

/** The topmost mount that has `path` as its mount point. */
export function mountAt(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  return entries.findLast((entry) => entry.mountPoint === path);
}

/** The mount that `path` lies on. */
export function mountOf(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  const holders = entries.filter(({ mountPoint }) => mountPoint === "/" || `${path}/`.startsWith(`${mountPoint}/`));
  return holders.toSorted((one, other) => one.mountPoint.length - other.mountPoint.length).at(-1);
}

/** Mounts at `path` and below, innermost and newest first: the order in which they can be taken away. */
export function mountsBelow(entries: readonly MountEntry[], path: string): readonly MountEntry[] {
  const prefix = path === "/" ? "/" : `${path}/`;
  return entries.filter((entry) => entry.mountPoint === path || entry.mountPoint.startsWith(prefix)).toReversed();
}

function parseLine(line: string): MountEntry {
  // Optional fields, any number of them, end at a lone hyphen.
  const [head = "", tail] = line.split(" - ", 2);
  const fields = head.split(" ");
  const [fsType, source, superOptions] = tail?.split(" ") ?? [];
  const [mountId, parentId, device, root, mountPoint, options] = fields;
  if (options === undefined || fsType === undefined || source === undefined) {
    throw new ProtocolViolation("mountinfo", "expected ten fields", { bytes: Buffer.from(line) });
  }
  return {
    mountId: Number(mountId),
    parentId: Number(parentId),
    device: device ?? "",
    root: decodeOctal(root ?? ""),
    mountPoint: decodeOctal(mountPoint ?? ""),
    options: options.split(","),
    fsType,
    source: decodeOctal(source),
    superOptions: (superOptions ?? "").split(","),
  };
}

/** Space, tab, newline and backslash come as three octal digits. */
function decodeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
