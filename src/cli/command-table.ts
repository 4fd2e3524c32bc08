// Every command of the tool, by the word it stands under; "" is the top.
import type { Command } from "./command.ts";
import { inspectCommands } from "./inspect.ts";
import { podsCommand } from "./pods.ts";
import { reapCommand } from "./reap.ts";

export const commandTable: Readonly<Record<string, readonly Command[]>> = {
  "": [podsCommand, ...inspectCommands, reapCommand],
};
