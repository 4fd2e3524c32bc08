// What launches of a plan will measure to, from the files on this machine. The answer costs a read of firmware and
// kernel, so it is kept under the run directory by the files' identity: a daemon pays for it once per image.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EnvironmentLacks, errnoOf, HostCallFailed } from "../lib/errors.ts";
import { runtimeVersion } from "../lib/version.ts";
import type { LaunchPlan } from "../plan/launch-plan.ts";
import { type MeasuredParts, measuredParts } from "../plan/measured-parts.ts";
import { type Prediction, predictLaunch, type ReadPlanned } from "../plan/predict-launch.ts";

/** Each file is read once, however many values it decides. */
export function plannedFiles(): ReadPlanned {
  const files = new Map<string, Promise<Buffer>>();
  return (setting, path) => {
    const file = files.get(path) ?? readPlanned(setting, path);
    files.set(path, file);
    return file;
  };
}

export async function expectedValues(plan: LaunchPlan, read: ReadPlanned = plannedFiles()): Promise<Prediction> {
  return await predictLaunch(measuredParts(plan), read);
}

/** The same, kept in `cacheDir`. */
export async function keptExpectedValues(plan: LaunchPlan, cacheDir: string): Promise<Prediction> {
  const parts = measuredParts(plan);
  const file = join(cacheDir, `expected-${await identityOf(parts)}.json`);
  const kept = await readKept(file);
  if (kept !== undefined) return kept;
  const prediction = await predictLaunch(parts, plannedFiles());
  await mkdir(cacheDir, { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, JSON.stringify(prediction));
  await rename(temporary, file);
  await dropOldest(cacheDir);
  return prediction;
}

/** Initdata makes a set of values per pod: only so many are kept. */
const MAX_KEPT = 64;
const keptName = /^expected-[0-9a-f]+\.json$/;

async function dropOldest(cacheDir: string): Promise<void> {
  const names = (await readdir(cacheDir)).filter((name) => keptName.test(name));
  if (names.length <= MAX_KEPT) return;
  const aged = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(cacheDir, name)).catch(() => undefined))?.mtimeMs ?? 0 })),
  );
  const oldest = aged.sort((a, b) => a.at - b.at).slice(0, names.length - MAX_KEPT);
  await Promise.all(oldest.map(({ name }) => rm(join(cacheDir, name), { force: true })));
}

/** Fields of one log line: each name with its good values, and what stays open. */
export function summarise({ values, unknown }: Prediction): Readonly<Record<string, string>> {
  const fields = new Map<string, string>();
  for (const { name, value } of values) {
    const others = fields.get(name);
    fields.set(name, others === undefined ? value : `${others} or ${value}`);
  }
  const open = unknown.map(({ name }) => name).join("; ");
  return { ...Object.fromEntries(fields), ...(open === "" ? {} : { undetermined: open }) };
}

async function identityOf(parts: MeasuredParts): Promise<string> {
  const paths = [
    parts.uki?.path,
    parts.kernel?.kernel,
    parts.kernel?.initrd,
    "firmware" in parts ? parts.firmware : undefined,
    "igvm" in parts ? parts.igvm : undefined,
  ].filter((path) => path !== undefined);
  const identities = await Promise.all(
    [...new Set(paths)].sort().map(async (path) => [path, await fileIdentity(path)]),
  );
  const key = JSON.stringify([runtimeVersion, parts, identities]);
  return createHash("sha256").update(key).digest("hex").slice(0, 32);
}

async function fileIdentity(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(" ");
  } catch {
    return "absent";
  }
}

async function readKept(file: string): Promise<Prediction | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Prediction;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function readPlanned(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const errno = errnoOf(error) ?? "EUNKNOWN";
    if (errno !== "ENOENT") throw new HostCallFailed(`read ${path}`, errno, { cause: error });
    throw new EnvironmentLacks(`${path} does not exist`, `correct ${setting}`, { cause: error });
  }
}
