// OCI `cgroupsPath` -> path below the cgroup mount. Two dialects: a plain path (cgroupfs driver), and
// `slice:prefix:name` (systemd driver), where each dash in a slice's name opens a level. Pure.
import { InvalidRequest } from "../lib/errors.ts";

const field = "linux.cgroupsPath";

export function cgroupName(cgroupsPath: string): string {
  const parts = cgroupsPath.split(":");
  const path = parts.length === 3 ? systemdPath(parts[0] ?? "", `${parts[1]}-${parts[2]}.scope`) : cgroupsPath;
  const segments = path.split("/").filter((segment) => segment !== "");
  if (segments.length === 0 || segments.some((s) => s === "." || s === ".." || s.includes("\0") || s.length > 255)) {
    throw new InvalidRequest(field, "must name a cgroup below the root");
  }
  return `/${segments.join("/")}`;
}

/** `a-b.slice` lies in `a.slice`; `-.slice` and an empty slice are the root (systemd.slice(5)). */
function systemdPath(slice: string, unit: string): string {
  const stem = slice.replace(/\.slice$/, "");
  if (stem === "" || stem === "-") return `/${unit}`;
  if (!slice.endsWith(".slice") || stem.split("-").includes(""))
    throw new InvalidRequest(field, "has a bad slice name");
  const levels = stem.split("-");
  const nested = levels.map((_, at) => `${levels.slice(0, at + 1).join("-")}.slice`);
  return `/${nested.join("/")}/${unit}`;
}
