// Errors as the real agent answers them (agent-protocol §6): hosts match on these codes and texts, so
// nearly everything is INTERNAL and the exceptions are spelled out where they arise.
import { errorText, Unsupported } from "../lib/errors.ts";
import { type CallStatus, StatusCode } from "../wire/ttrpc/status.ts";

/** An answer with a code of its own. */
export class AgentFailure extends Error {
  readonly status: CallStatus;

  constructor(code: keyof typeof StatusCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "AgentFailure";
    this.status = { code: StatusCode[code], message };
  }
}

export function statusOf(error: unknown): CallStatus {
  // cleaning up failed too: the host hears what went wrong first, then that
  if (isSuppressed(error)) {
    const { code, message } = statusOf(error.suppressed);
    return { code, message: `${message} (then ${errorText(error.error)})` };
  }
  if (error instanceof AgentFailure) return error.status;
  const code = error instanceof Unsupported ? StatusCode.unimplemented : StatusCode.internal;
  return { code, message: errorText(error) };
}

/** What `using` throws when both the block and a disposal failed; Node 20 has no class of that name. */
function isSuppressed(error: unknown): error is Error & { error: unknown; suppressed: unknown } {
  return error instanceof Error && error.name === "SuppressedError" && "suppressed" in error && "error" in error;
}

export const failures = {
  unknownContainer: (id: string) => new AgentFailure("internal", `Invalid container id ${quote(id)}`),
  unknownContainerOfProcess: (id: string) => new AgentFailure("invalidArgument", `InvalidContainerId: ${quote(id)}`),
  unknownContainerOfResources: (id: string) => new AgentFailure("invalidArgument", `invalid container id ${quote(id)}`),
  unknownExec: (id: string) => new AgentFailure("notFound", `InvalidExecId: ${quote(id)}`),
  initGone: (id: string) => new AgentFailure("notFound", `InitProcessNotFound: container ${quote(id)} has ended`),
  processGone: () => new AgentFailure("notFound", "ESRCH: No such process"),
  noTerminal: () => new AgentFailure("unavailable", "no tty"),
  noWriter: () => new AgentFailure("internal", "Cannot get writer: stdin is closed"),
  noReader: () => new AgentFailure("internal", "cannot get stream reader"),
  emptyField: (name: string) => new AgentFailure("invalidArgument", `empty ${name}`),
} as const;

function quote(id: string): string {
  return JSON.stringify(id.slice(0, 128));
}
