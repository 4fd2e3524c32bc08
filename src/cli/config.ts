// `kata-cvm config`: every value that is in force, and where it comes from.

import type { Origin } from "../config/parse.ts";
import { camel, keys, type RuntimeConfig } from "../config/schema.ts";
import { defineCommand } from "./command.ts";
import { annotationOption, configOption, loadConfigFor, parseAnnotations } from "./config-option.ts";
import { renderTable } from "./table.ts";

export const configCommand = defineCommand({
  command: "config",
  describe: "print every configuration value in force and where it comes from",
  options: { config: configOption, annotation: annotationOption },
  run: async (args) => {
    const { config, origins } = await loadConfigFor(args.config, parseAnnotations(args.annotation));
    const values = [...keys].map(([key, { doc, kind }]) => ({
      key,
      value: currentValue(config, key),
      origin: originOf(origins.get(key)),
      doc: doc === "" ? kind.describe : doc,
    }));
    const rows = values.map(({ key, value, origin }) => [key, JSON.stringify(value), origin]);
    return { json: { values }, text: renderTable(["KEY", "VALUE", "FROM"], rows), exitCode: 0 };
  },
});

function currentValue(config: RuntimeConfig, key: string): unknown {
  const [section = "", name = ""] = key.split(".");
  return (config as unknown as Record<string, Record<string, unknown>>)[section]?.[camel(name)];
}

function originOf(origin: Origin | undefined): string {
  if (origin === undefined) return "default";
  return origin.line === undefined ? origin.file : `${origin.file}:${origin.line}`;
}
