// Whether a TEE protects this guest from its host. Doors that only development guests have stay shut unless the
// answer is a clear no.
import { HostCommandFailed } from "../lib/errors.ts";
import { runCommand } from "./run-command.ts";

const DETECT_LIMIT_MS = 20_000;

export type Run = (program: string, args: readonly string[]) => Promise<unknown>;

export const runBounded: Run = (program, args) => runCommand(program, args, { timeoutMs: DETECT_LIMIT_MS });

/** systemd-detect-virt(1) asks the CPU; it ends with 1 where it finds no confidential virtualisation. */
export async function isConfidential(run: Run = runBounded): Promise<boolean> {
  try {
    await run("systemd-detect-virt", ["--cvm", "--quiet"]);
    return true;
  } catch (error) {
    if (error instanceof HostCommandFailed && error.exitCode === 1) return false;
    throw error;
  }
}
