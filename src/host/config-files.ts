// The configuration's text: the named file, then the drop-ins of the `NAME.d` directory beside it, in
// the order of their names.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { EnvironmentLacks, errnoOf, HostCallFailed } from "../lib/errors.ts";

export interface ConfigText {
  readonly path: string;
  readonly text: string;
}

export const defaultConfigPath = "/etc/kata-cvm/kata-cvm.toml";

export async function readConfigFiles(path: string): Promise<readonly ConfigText[]> {
  const main = await readText(path);
  if (main === null) {
    throw new EnvironmentLacks(
      `the configuration file ${path} does not exist`,
      "copy one from the project's configs/ there, or name another: to kata-cvm by --config, to containerd by the runtime type (io.containerd.NAME.v2 reads NAME.toml)",
    );
  }
  const directory = `${path.replace(/\.toml$/, "")}.d`;
  const dropIns = await Promise.all((await listTomls(directory)).map((name) => readText(join(directory, name))));
  return [main, ...dropIns.filter((file) => file !== null)];
}

async function readText(path: string): Promise<ConfigText | null> {
  try {
    return { path, text: await readFile(path, "utf8") };
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw new HostCallFailed(`read ${path}`, errnoOf(error) ?? "EUNKNOWN", { cause: error });
  }
}

async function listTomls(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((name) => name.endsWith(".toml")).sort();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw new HostCallFailed(`list ${directory}`, errnoOf(error) ?? "EUNKNOWN", { cause: error });
  }
}
