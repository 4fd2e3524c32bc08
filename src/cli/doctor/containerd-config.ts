// containerd's configuration as containerd reads it: the file, then what that imports, then what those import, each
// once (cmd/containerd/server/config). In 2.x a later file's values are merged over the earlier ones'; 1.6 and 1.7 take
// each plugin's section whole from the last file that has one.
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parse } from "smol-toml";
import { EnvironmentLacks, errnoOf, errorText, HostCallFailed, InvalidConfig } from "../../lib/errors.ts";
import { exists } from "./programs.ts";

export type Table = Readonly<Record<string, unknown>>;

export interface ContainerdFile {
  readonly path: string;
  readonly document: Table;
}

export async function readContainerdFiles(path: string): Promise<readonly ContainerdFile[]> {
  const files: ContainerdFile[] = [];
  const pending = [path];
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    if (files.some((file) => file.path === next)) continue;
    const document = await readDocument(next, path);
    files.push({ path: next, document });
    const { imports } = document;
    const patterns = Array.isArray(imports) ? imports.filter((one): one is string => typeof one === "string") : [];
    for (const pattern of patterns) pending.push(...(await expand(resolve(dirname(next), pattern))));
  }
  return files;
}

async function readDocument(path: string, main: string): Promise<Table> {
  try {
    return parse(await readFile(path, "utf8"));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" && path !== main) {
      throw new EnvironmentLacks(`${path}, which it imports, is not there: containerd does not start`, "write it");
    }
    if (errno !== undefined) throw new HostCallFailed(`read ${path}`, errno, { cause: error });
    throw new InvalidConfig([{ file: path, key: "(file)", reason: `is not TOML: ${errorText(error)}` }]);
  }
}

/** containerd takes a path for a pattern where it has a `*`; the rest of the syntax is that of Go's filepath.Match. */
async function expand(pattern: string): Promise<readonly string[]> {
  if (!pattern.includes("*")) return [pattern];
  let found: readonly string[] = ["/"];
  for (const part of pattern.split("/").filter((name) => name !== "")) {
    found = (await Promise.all(found.map((dir) => matching(dir, part)))).flat();
  }
  return found;
}

async function matching(dir: string, part: string): Promise<readonly string[]> {
  if (!/[*?[]/.test(part)) return (await exists(join(dir, part))) ? [join(dir, part)] : [];
  const names = await readdir(dir).catch(() => []);
  const isMatch = new RegExp(`^${part.replace(/\[[^\]]+\]|[*?]|[^\w-]/g, asRegExp)}$`);
  return names
    .filter((name) => isMatch.test(name))
    .sort()
    .map((name) => join(dir, name));
}

function asRegExp(token: string): string {
  if (token === "*") return ".*";
  if (token === "?") return ".";
  return token.length > 1 ? token : `\\${token}`;
}

/** All files as one document, as containerd 2 has it. */
export function mergeFiles(files: readonly ContainerdFile[]): Table {
  return files.reduce<Table>((merged, { document }) => mergeTables(merged, document), {});
}

function mergeTables(under: Table, over: Table): Table {
  const changes = Object.entries(over).map(([key, value]) => {
    const old = Object.hasOwn(under, key) ? under[key] : undefined;
    return [key, isTable(old) && isTable(value) ? mergeTables(old, value) : value] as const;
  });
  return { ...under, ...Object.fromEntries(changes) };
}

/** All files as containerd 1.6 and 1.7 have them; undefined where one is of a version that these do not start with. */
export function mergeFilesBySection(files: readonly ContainerdFile[]): Table | undefined {
  if (files.some(({ document }) => typeof document["version"] === "number" && document["version"] > 2))
    return undefined;
  const sections = files.map(({ document }) => (isTable(document["plugins"]) ? document["plugins"] : {}));
  return { ...mergeFiles(files), plugins: Object.assign({}, ...sections) };
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
