// Every command of the tool, by the word it stands under; "" is the top.
import { attachCommand } from "./attach.ts";
import type { Command } from "./command.ts";
import { configCommand } from "./config.ts";
import { doctorCommand } from "./doctor.ts";
import { eventlogReplayCommand } from "./eventlog.ts";
import { streamCommands } from "./exec.ts";
import { explainCommands } from "./explain.ts";
import { idblockCommand } from "./idblock.ts";
import { inspectCommands } from "./inspect.ts";
import { layersCommand } from "./layers.ts";
import { measureContainerCommand } from "./measure-container.ts";
import { measureIgvmCommand } from "./measure-igvm.ts";
import { measureInitdataCommand } from "./measure-initdata.ts";
import { measurePodCommand } from "./measure-pod.ts";
import { measureSnpCommand } from "./measure-snp.ts";
import { measureTdxCommand } from "./measure-tdx.ts";
import { measureUkiCommand } from "./measure-uki.ts";
import { measureVerityCommand } from "./measure-verity.ts";
import { planCommand } from "./plan.ts";
import { podsCommand } from "./pods.ts";
import { reapCommand } from "./reap.ts";
import { referenceCommand } from "./reference.ts";
import { runCommand } from "./run.ts";
import { verifyCommand } from "./verify.ts";

export interface CommandGroup {
  readonly describe: string;
  readonly commands: readonly Command[];
}

export const commandTable: Readonly<Record<string, CommandGroup>> = {
  "": group("the tool", [
    runCommand,
    planCommand,
    podsCommand,
    ...inspectCommands,
    ...streamCommands,
    attachCommand,
    reapCommand,
    layersCommand,
    configCommand,
    doctorCommand,
    verifyCommand,
    referenceCommand,
    idblockCommand,
  ]),
  measure: group("compute what a launch or a part of it measures to", [
    measureSnpCommand,
    measureIgvmCommand,
    measureTdxCommand,
    measureUkiCommand,
    measureInitdataCommand,
    measureVerityCommand,
    measurePodCommand,
    measureContainerCommand,
  ]),
  explain: group("show step by step what goes into a measurement", explainCommands),
  eventlog: group("work with a guest's event log", [eventlogReplayCommand]),
};

function group(describe: string, commands: readonly Command[]): CommandGroup {
  return { describe, commands };
}
