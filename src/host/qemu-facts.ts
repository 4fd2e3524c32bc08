// What the installed QEMU can do, asked from QEMU itself and never guessed from its version. Asking
// takes a tenth of a second, so the answer is kept beside the run state, by the file's identity.
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EnvironmentLacks, errnoOf, HostCallFailed, ProtocolViolation } from "../lib/errors.ts";
import { runCommand } from "./exec.ts";

export interface QemuFacts {
  readonly path: string;
  /** such as `10.0.2` */
  readonly version: string;
  /** user-creatable QOM types */
  readonly objects: readonly string[];
  /** properties of the q35 machine */
  readonly machineProperties: readonly string[];
  /** `-sandbox` is known: QEMU was built with seccomp */
  readonly sandbox: boolean;
}

export async function probeQemu(
  path: string,
  options: { cacheDir: string; signal?: AbortSignal | undefined },
): Promise<QemuFacts> {
  const file = join(options.cacheDir, `qemu-${await identityOf(path)}.json`);
  const kept = await readKept(file);
  if (kept !== undefined) return kept;
  const facts = await ask(path, options.signal);
  await mkdir(options.cacheDir, { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, JSON.stringify(facts));
  await rename(temporary, file);
  return facts;
}

async function ask(path: string, signal: AbortSignal | undefined): Promise<QemuFacts> {
  const help = async (...args: string[]) => (await runCommand(path, args, { signal })).stdout;
  const [version, objects, machine, usage] = await Promise.all([
    help("--version"),
    help("-object", "help"),
    help("-machine", "q35,help"),
    help("-help"),
  ]);
  return {
    path,
    version: parseQemuVersion(version),
    objects: parseObjectHelp(objects),
    machineProperties: parsePropertyHelp(machine),
    sandbox: /^-sandbox /m.test(usage),
  };
}

export function parseQemuVersion(text: string): string {
  const version = /QEMU emulator version (\d+\.\d+\.\d+)/.exec(text)?.[1];
  if (version === undefined)
    throw new ProtocolViolation("qemu --version", `no version in ${JSON.stringify(text.slice(0, 80))}`);
  return version;
}

export function parseObjectHelp(text: string): readonly string[] {
  return [...text.matchAll(/^ {2}(\S+)$/gm)].map((match) => match[1] ?? "");
}

export function parsePropertyHelp(text: string): readonly string[] {
  return [...text.matchAll(/^ {2}([\w-]+)=/gm)].map((match) => match[1] ?? "");
}

async function identityOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs } = await stat(path);
    return createHash("sha256").update([path, dev, ino, size, mtimeMs].join(" ")).digest("hex").slice(0, 16);
  } catch (error) {
    const errno = errnoOf(error) ?? "EUNKNOWN";
    if (errno !== "ENOENT") throw new HostCallFailed(`stat ${path}`, errno, { cause: error });
    throw new EnvironmentLacks(
      `${path} does not exist`,
      "install the Debian package qemu-system-x86, or set paths.qemu",
    );
  }
}

async function readKept(file: string): Promise<QemuFacts | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as QemuFacts;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
