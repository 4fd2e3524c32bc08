// What a guest image says of itself: image.json, written by the image build.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { EnvironmentLacks, errnoOf, HostCallFailed } from "../lib/errors.ts";

export interface GuestImageFacts {
  readonly dir: string;
  readonly rootHash: string;
  readonly cmdline: string;
  readonly files: readonly string[];
}

export async function readGuestImage(dir: string): Promise<GuestImageFacts> {
  const fix = "build one with `npm run image`, or set paths.image";
  try {
    const [text, files] = await Promise.all([readFile(join(dir, "image.json"), "utf8"), readdir(dir)]);
    const image = JSON.parse(text) as { rootHash?: unknown; cmdline?: unknown };
    if (typeof image.rootHash !== "string" || typeof image.cmdline !== "string") {
      throw new EnvironmentLacks(`${dir}/image.json names no rootHash or no cmdline`, fix);
    }
    return { dir, rootHash: image.rootHash, cmdline: image.cmdline, files };
  } catch (error) {
    if (errnoOf(error) === "ENOENT")
      throw new EnvironmentLacks(`there is no guest image in ${dir}`, fix, { cause: error });
    if (error instanceof SyntaxError)
      throw new EnvironmentLacks(`${dir}/image.json is not JSON`, fix, { cause: error });
    if (errnoOf(error) !== undefined) throw new HostCallFailed(`read ${dir}`, errnoOf(error) ?? "", { cause: error });
    throw error;
  }
}
