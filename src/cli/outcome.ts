// What the tool says and how it ends: one document or a text on stdout, an error on stderr, an exit code.
import { EnvironmentLacks, errnoOf, errorText, HostCallFailed, KataError } from "../lib/errors.ts";
import { type Command, exitCodeOf } from "./command.ts";
import { ReaderGone } from "./terminal.ts";

/** The words of the command line make no command. */
export class UsageError extends Error {}

export async function runAndPrint(command: Command, args: Readonly<Record<string, unknown>>): Promise<number> {
  const { json, text, notes = [], exitCode } = await command.run(args);
  const output = args["json"] === true ? JSON.stringify(json, null, 2) : text;
  if (output !== "" && output !== undefined) await print(`${output}\n`);
  for (const note of notes) process.stderr.write(`kata-cvm: ${note}\n`);
  return exitCode;
}

/** A reader that has enough (`| head`) changes nothing of what was found; output that is lost does. */
async function print(text: string): Promise<void> {
  const lost = await new Promise<unknown>((resolve) => process.stdout.write(text, resolve));
  if (!lost || errnoOf(lost) === "EPIPE") return;
  throw new EnvironmentLacks(`the output cannot be written (${errorText(lost)})`, "see where stdout leads", {
    cause: lost,
  });
}

/** as a shell counts SIGPIPE, which ends other programs there */
const brokenPipe = 141;

/** Tells the error; returns the exit code that stands for it. */
export function reportFailure(error: unknown): number {
  if (error instanceof ReaderGone) return brokenPipe;
  process.stderr.write(`kata-cvm: ${failureText(error, process.geteuid?.())}\n`);
  if (!(error instanceof KataError || error instanceof UsageError) && process.env["KATA_CVM_DEBUG"] !== undefined) {
    process.stderr.write(`${error instanceof Error ? error.stack : ""}\n`);
  }
  return error instanceof UsageError ? 2 : exitCodeOf(error);
}

export function failureText(error: unknown, uid: number | undefined): string {
  const errno = error instanceof HostCallFailed ? error.errno : errnoOf(error);
  const isForbidden = errno === "EACCES" || errno === "EPERM";
  return `${errorText(error)}${isForbidden && uid !== 0 ? "; run kata-cvm as root" : ""}`;
}
