// `kata-cvm doctor`: would a pod of this configuration start here, and what would make it hang or leak?
// Looks only; every finding says where it comes from and what to do.
import { join } from "node:path";
import { parseConfig } from "../config/parse.ts";
import type { RuntimeConfig } from "../config/schema.ts";
import { runRoot } from "../host/run-dir.ts";
import { EnvironmentLacks } from "../lib/errors.ts";
import { classOf } from "../plan/plan-launch.ts";
import { defineCommand } from "./command.ts";
import { configOption, configPathOf, readConfigFor } from "./config-option.ts";
import { checkBootFiles } from "./doctor/boot-files.ts";
import { type Check, exitCodeFor, lacking, ok, renderChecks } from "./doctor/check.ts";
import { checkPrograms } from "./doctor/programs.ts";
import { defaultRuntimeType } from "./doctor/registration.ts";
import { checkSurroundings } from "./doctor/surroundings.ts";
import { checkTee } from "./doctor/tee.ts";

export const doctorCommand = defineCommand({
  command: "doctor",
  describe: "check whether this machine can run a configuration, and what would make it hang or leak",
  options: {
    config: configOption,
    "verify-image": { type: "boolean", describe: "hash every file of the guest image", default: false },
    containerd: { type: "string", describe: "containerd's configuration", default: "/etc/containerd/config.toml" },
    "runtime-type": {
      type: "string",
      array: true,
      nargs: 1,
      describe: `io.containerd.NAME.v2 to look for, may be repeated (default: what containerd has of ours, or ${defaultRuntimeType})`,
    },
  },
  run: async (args) => {
    const { config, check } = await readConfig(args.config);
    const checks = [
      check,
      ...(await checkPrograms(config, join(runRoot, "facts"))),
      ...(await checkBootFiles(config, args["verify-image"])),
      ...(await checkTee(config, join(runRoot, "facts"))),
      ...(await checkSurroundings(config, { containerdConfig: args.containerd, runtimeTypes: args["runtime-type"] })),
    ];
    const exitCode = exitCodeFor(checks);
    return { json: { class: classOf(config), ok: exitCode === 0, checks }, text: renderChecks(checks), exitCode };
  },
});

/** Without any file the defaults are judged: the rest of the report is worth having. */
async function readConfig(given: string | undefined): Promise<{ config: RuntimeConfig; check: Check }> {
  const path = configPathOf(given);
  const sight = { name: "configuration", origin: path };
  try {
    const { config } = parseConfig(await readConfigFor(given));
    return { config, check: ok(sight, `class ${classOf(config)}`) };
  } catch (error) {
    if (!(error instanceof EnvironmentLacks)) throw error;
    return {
      config: parseConfig([]).config,
      check: lacking(sight, `${error.what}; the defaults are judged`, error.fix),
    };
  }
}
