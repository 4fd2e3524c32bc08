// How containerd comes to us: by a runtime type it finds the shim `containerd-shim-NAME-v2`, which reads NAME.toml.
import { dirname, join } from "node:path";
import { defaultConfigPath } from "../../host/config-files.ts";
import { InvalidRequest } from "../../lib/errors.ts";
import { attempt, type Check, ok, warn } from "./check.ts";
import {
  type ContainerdFile,
  isTable,
  mergeFiles,
  mergeFilesBySection,
  readContainerdFiles,
} from "./containerd-config.ts";
import { exists, findOnPath, isExecutable } from "./programs.ts";

export interface Registration {
  /** in containerd's configuration; absent where only the type is known */
  readonly handler?: string;
  /** NAME of io.containerd.NAME.v2 */
  readonly name: string;
  /** where it is, if containerd need not look for it */
  readonly shimPath?: string;
  /** named by the handler's options; otherwise the name says it */
  readonly configPath?: string;
}

export interface Places {
  /** containerd's configuration */
  readonly containerdConfig: string;
  /** what to look for instead of what is registered there */
  readonly runtimeTypes?: readonly string[] | undefined;
  /** directory of our configuration files */
  readonly configDir?: string;
}

export const defaultRuntimeType = "io.containerd.kata-cvm.v2";

export async function checkRegistration(places: Places): Promise<readonly Check[]> {
  const { containerdConfig, runtimeTypes, configDir = dirname(defaultConfigPath) } = places;
  const asked = runtimeTypes?.map(registrationOf);
  const sight = { name: "containerd handler", origin: containerdConfig };
  const found: Registration[] = [];
  const handlers = await attempt(sight, async () => {
    if (!(await exists(containerdConfig)))
      return warn(sight, "containerd has no configuration", "merge one of configs/containerd/ into it");
    const files = await readContainerdFiles(containerdConfig);
    // one that stands under the names of two versions is one to containerd
    const all = [...new Map(findRegistrations(mergeFiles(files)).map((one) => [one.handler, one])).values()];
    const ours = await Promise.all(all.map((one) => isOurs(one, configDir)));
    const names = asked?.map(({ name }) => name);
    found.push(...all.filter(({ name }, at) => (names === undefined ? ours[at] : names.includes(name))));
    if (found.length > 0) {
      return [ok(sight, `registered as ${found.map(handlerOf).join(", ")}`), ...checkSections(files, found)];
    }
    const types = (runtimeTypes ?? [defaultRuntimeType]).join(", ");
    return warn(
      sight,
      `no runtime of type ${types}`,
      "merge one of configs/containerd/ into it and restart containerd",
    );
  });
  const missing = (asked ?? []).filter(({ name }) => !found.some((one) => one.name === name));
  const wanted = [...found, ...missing];
  const judged = wanted.length === 0 ? [registrationOf(defaultRuntimeType)] : wanted;
  return [...handlers, ...(await checkShims(judged)), ...(await checkConfigs(found, configDir))];
}

/** A drop-in that containerd 2 merges takes the place of the whole section in 1.6 and 1.7. */
function checkSections(files: readonly ContainerdFile[], found: readonly Registration[]): readonly Check[] {
  const bySection = mergeFilesBySection(files);
  if (bySection === undefined) return [];
  const kept = findRegistrations(bySection).map(handlerOf);
  const lost = found.map(handlerOf).filter((handler) => !kept.includes(handler));
  if (lost.length === 0) return [];
  const sight = { name: "containerd imports", origin: files.map(({ path }) => path).join(", ") };
  return [
    warn(
      sight,
      `containerd 1.6 and 1.7 do not see ${lost.join(", ")}: they take the plugin's section of the last file alone`,
      "write all of that section into one file, or use containerd 2",
    ),
  ];
}

function handlerOf({ handler = "" }: Registration): string {
  return handler;
}

/** Handlers with a runtime type of the form that means a shim, whatever the file's version calls the plugin around them. */
export function findRegistrations(document: unknown): readonly Registration[] {
  if (!isTable(document)) return [];
  return Object.entries(document).flatMap(([key, value]) => {
    if (!isTable(value) || typeof value["runtime_type"] !== "string") return findRegistrations(value);
    const name = nameOf(value["runtime_type"]);
    return name === undefined ? [] : [{ handler: key, name, ...pathsOf(value) }];
  });
}

function pathsOf({ runtime_path: shimPath, options }: Readonly<Record<string, unknown>>): Partial<Registration> {
  const configPath = isTable(options) ? options["ConfigPath"] : undefined;
  return {
    ...(typeof shimPath === "string" && shimPath !== "" ? { shimPath } : {}),
    ...(typeof configPath === "string" && configPath !== "" ? { configPath } : {}),
  };
}

function nameOf(runtimeType: string): string | undefined {
  return /^io\.containerd\.([a-z0-9][a-z0-9-]*)\.v2$/.exec(runtimeType)?.[1];
}

function registrationOf(runtimeType: string): Registration {
  const name = nameOf(runtimeType);
  if (name !== undefined) return { name };
  throw new InvalidRequest("--runtime-type", `${JSON.stringify(runtimeType)} is not io.containerd.NAME.v2`);
}

/** Ours by name, or under another one for which there is a configuration of ours. */
async function isOurs({ name, configPath }: Registration, configDir: string): Promise<boolean> {
  if (/^kata-cvm(-|$)/.test(name) || configPath?.startsWith(`${configDir}/`) === true) return true;
  return await exists(join(configDir, `${name}.toml`));
}

async function checkShims(registrations: readonly Registration[]): Promise<readonly Check[]> {
  const programs = new Set(registrations.map(({ name, shimPath }) => shimPath ?? `containerd-shim-${name}-v2`));
  return await Promise.all([...programs].map(checkShim));
}

async function checkShim(program: string): Promise<Check> {
  if (program.startsWith("/")) {
    const sight = { name: "shim", origin: program };
    if (await isExecutable(program)) return ok(sight, "where containerd's configuration says");
    return warn(sight, "cannot be run", "correct runtime_path in containerd's configuration, or leave it out");
  }
  const path = await findOnPath(program);
  const sight = { name: "shim", origin: path ?? "PATH" };
  if (path !== undefined) return ok(sight, "on the path; containerd looks on its own");
  const fix = `link dist/bin/containerd-shim-kata-cvm-v2 to /usr/local/bin/${program}`;
  return warn(sight, `${program} is not on the path`, fix);
}

/** A handler whose file is missing starts no pod. */
async function checkConfigs(registrations: readonly Registration[], configDir: string): Promise<readonly Check[]> {
  const checks = registrations.map(async ({ handler = "", name, configPath }) => {
    const path = configPath ?? join(configDir, `${name}.toml`);
    const sight = { name: `configuration of ${handler}`, origin: path };
    if (await exists(path)) return ok(sight, "there");
    return warn(sight, "is not there: no pod of this handler starts", "copy one of configs/ there");
  });
  return await Promise.all(checks);
}
