// Where the lab's tools and images are; both are made on first use and cached outside the checkout.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BUSYBOX_IMAGE, buildCatalog, PAUSE_IMAGE } from "./images/catalog.ts";

const here = dirname(fileURLToPath(import.meta.url));
/** The checkout. */
export const repository = join(here, "../..");

export type ToolName =
  | "crictl"
  | "critest"
  | "busybox"
  | "programs"
  | "containerd-1.6"
  | "containerd-1.7"
  | "containerd-2.1"
  | "containerd-2";

const known = new Map<ToolName, string>();

/** Absolute path of a tool, from .ci/tools. */
export function toolPath(name: ToolName): string {
  const cached = known.get(name);
  if (cached !== undefined) return cached;
  const stdio: ["ignore", "pipe", "inherit"] = ["ignore", "pipe", "inherit"];
  const path = execFileSync(join(repository, ".ci/tools"), [name], { encoding: "utf8", stdio }).trim();
  known.set(name, path);
  return path;
}

export function cacheFolder(): string {
  const base = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return process.env["KATA_CVM_CACHE"] ?? join(base, "kata-cvm");
}

/** Folder with `layout` (OCI), `runtime.tar` (pause and busybox) and `pinned-digest`. */
export function testImages(): string {
  const inputs = { busybox: toolPath("busybox"), programs: toolPath("programs") };
  const hash = createHash("sha256").update(readFileSync(inputs.busybox)).update(inputs.programs);
  for (const name of readdirSync(join(here, "images"))
    .filter((entry) => entry.endsWith(".ts"))
    .sort()) {
    hash.update(readFileSync(join(here, "images", name)));
  }
  const folder = join(cacheFolder(), "lab-images", hash.digest("hex").slice(0, 16));
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  const { layout, digestOfPinned } = buildCatalog(inputs);
  layout.writeLayout(join(draft, "layout"));
  writeFileSync(join(draft, "runtime.tar"), layout.archive([PAUSE_IMAGE, BUSYBOX_IMAGE]));
  writeFileSync(join(draft, "pinned-digest"), `${digestOfPinned}\n`);
  // Two labs may build at once; the bytes are the same, so the first to finish wins.
  if (existsSync(folder)) rmSync(draft, { recursive: true });
  else renameSync(draft, folder);
  return folder;
}
