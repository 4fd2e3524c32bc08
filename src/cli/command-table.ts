// Every command of the tool, by the word it stands under; "" is the top.
import type { Command } from "./command.ts";
import { configCommand } from "./config.ts";
import { eventlogReplayCommand } from "./eventlog.ts";
import { streamCommands } from "./exec.ts";
import { inspectCommands } from "./inspect.ts";
import { measureInitdataCommand } from "./measure-initdata.ts";
import { measureUkiCommand } from "./measure-uki.ts";
import { measureVerityCommand } from "./measure-verity.ts";
import { planCommand } from "./plan.ts";
import { podsCommand } from "./pods.ts";
import { reapCommand } from "./reap.ts";
import { referenceCommand } from "./reference.ts";
import { runCommand } from "./run.ts";
import { verifyCommand } from "./verify.ts";

export const commandTable: Readonly<Record<string, readonly Command[]>> = {
  "": [
    runCommand,
    planCommand,
    podsCommand,
    ...inspectCommands,
    ...streamCommands,
    reapCommand,
    configCommand,
    verifyCommand,
    referenceCommand,
  ],
  measure: [measureUkiCommand, measureInitdataCommand, measureVerityCommand],
  eventlog: [eventlogReplayCommand],
};
