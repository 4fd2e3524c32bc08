// The configuration that a command speaks of, and how a pod's annotations change it.
import { applyOverrides } from "../config/overrides.ts";
import { type LoadedConfig, parseConfig } from "../config/parse.ts";
import { type ConfigText, defaultConfigPath, readConfigFiles } from "../host/config-files.ts";
import { EnvironmentLacks, HostCallFailed, InvalidRequest } from "../lib/errors.ts";

export const configOption = {
  type: "string",
  describe: `configuration file (default ${defaultConfigPath}, or $KATA_CVM_CONFIG)`,
} as const;

export const annotationOption = {
  type: "string",
  array: true,
  nargs: 1,
  describe: "pod annotation KEY=VALUE; may be repeated",
} as const;

export function configPathOf(given: string | undefined): string {
  return given ?? (process.env["KATA_CVM_CONFIG"] || defaultConfigPath);
}

export async function loadConfigFor(
  given: string | undefined,
  annotations: Readonly<Record<string, string>>,
): Promise<LoadedConfig> {
  return applyOverrides(parseConfig(await readConfigFor(given)), annotations);
}

/** A file that was named is bad input when it cannot be read; the machine lacks only the one that nobody named. */
export async function readConfigFor(given: string | undefined): Promise<readonly ConfigText[]> {
  try {
    return await readConfigFiles(configPathOf(given));
  } catch (error) {
    if (given === undefined) throw error;
    if (error instanceof EnvironmentLacks) throw new InvalidRequest("--config", error.what, { cause: error });
    if (error instanceof HostCallFailed) throw new InvalidRequest("--config", error.message, { cause: error });
    throw error;
  }
}

export function parseAnnotations(given: readonly string[] | undefined): Readonly<Record<string, string>> {
  const pairs = (given ?? []).map((text) => {
    const at = text.indexOf("=");
    if (at < 1) throw new InvalidRequest("--annotation", `${JSON.stringify(text)} is not KEY=VALUE`);
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  return Object.fromEntries(pairs);
}
