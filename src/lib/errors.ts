// The errors of the whole project: one class per decision the catcher can take.
// Facts are fields; the message is made from them, in one line, for a stranger's eyes.
// shim/status.ts is the only place that turns them into RPC codes.

/** Stable identifier of an error class; scripts and tests match on it, never on text. */
export type ErrorCode =
  | "InvalidRequest"
  | "InvalidConfig"
  | "MalformedInput"
  | "NotFound"
  | "AlreadyExists"
  | "WrongState"
  | "Unsupported"
  | "HostCommandFailed"
  | "HostCallFailed"
  | "EnvironmentLacks"
  | "VmExited"
  | "LaunchFailed"
  | "AgentLost"
  | "ConnectionLost"
  | "DeadlineExceeded"
  | "Cancelled"
  | "ProtocolViolation"
  | "RemoteError"
  | "MeasurementMismatch"
  | "CleanupIncomplete";

export abstract class KataError extends Error {
  abstract readonly code: ErrorCode;

  constructor(message: string, options?: { cause?: unknown }) {
    super(oneLine(message), options);
    this.name = new.target.name;
  }
}

/** The caller sent something that cannot be: `field` is a path such as `linux.namespaces[2].path`. */
export class InvalidRequest extends KataError {
  readonly code = "InvalidRequest";
  readonly field: string;

  constructor(field: string, problem: string, options?: { cause?: unknown }) {
    super(`${field}: ${problem}`, options);
    this.field = field;
  }
}

export interface ConfigProblem {
  /** file the key stands in, or where else it came from (`annotation`, `default`) */
  readonly file: string;
  /** 1-based line, when known */
  readonly line?: number;
  readonly key: string;
  readonly reason: string;
}

/** The operator's configuration is wrong; carries every problem found at once. */
export class InvalidConfig extends KataError {
  readonly code = "InvalidConfig";
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const text = problems.map((p) => `${p.file}${p.line === undefined ? "" : `:${p.line}`}: ${p.key}: ${p.reason}`);
    super(`invalid configuration: ${text.join("; ")}`);
    this.problems = problems;
  }
}

export class NotFound extends KataError {
  readonly code = "NotFound";

  constructor(kind: string, id: string) {
    super(`${kind} "${id}" not found`);
  }
}

export class AlreadyExists extends KataError {
  readonly code = "AlreadyExists";

  constructor(kind: string, id: string) {
    super(`${kind} "${id}" already exists`);
  }
}

export class WrongState extends KataError {
  readonly code = "WrongState";

  constructor(subject: string, state: string, operation: string) {
    super(`cannot ${operation}: ${subject} is ${state}`);
  }
}

/** A request that this layer never carries out. */
export class Unsupported extends KataError {
  readonly code = "Unsupported";

  constructor(what: string, reason: string) {
    super(`${what} is not supported: ${reason}`);
  }
}

export class HostCommandFailed extends KataError {
  readonly code = "HostCommandFailed";
  readonly command: string;
  readonly exitCode: number | null;
  readonly stderrTail: string;

  constructor(
    command: string,
    outcome: { exitCode: number | null; signal?: string | null; stderr: string; cause?: unknown },
  ) {
    const how = outcome.signal ? `was ended by ${outcome.signal}` : `exited with ${outcome.exitCode ?? "no code"}`;
    super(`${command} ${how}${outcome.stderr ? `: ${outcome.stderr.trim()}` : ""}`, { cause: outcome.cause });
    this.command = command;
    this.exitCode = outcome.exitCode;
    this.stderrTail = outcome.stderr;
  }
}

/** A system call or file operation on the host failed. */
export class HostCallFailed extends KataError {
  readonly code = "HostCallFailed";
  readonly errno: string;

  constructor(operation: string, errno: string, options?: { cause?: unknown }) {
    super(`${operation}: ${errno}`, options);
    this.errno = errno;
  }
}

/** The machine lacks something we need; `fix` says what to install or set. */
export class EnvironmentLacks extends KataError {
  readonly code = "EnvironmentLacks";
  readonly what: string;
  readonly fix: string;

  constructor(what: string, fix: string, options?: { cause?: unknown }) {
    super(`${what}; ${fix}`, options);
    this.what = what;
    this.fix = fix;
  }
}

/** How and why a VM ended, with QEMU's own last words. */
export interface VmExitFacts {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderrTail: string;
  readonly consoleTail: string;
  /** the end of a helper for which the VM was ended */
  readonly helperLoss?: string;
}

export class VmExited extends KataError {
  readonly code = "VmExited";
  readonly exit: VmExitFacts;

  constructor(during: string, exit: VmExitFacts, options?: { cause?: unknown }) {
    super(`the VM ended while ${during}: ${describeVmExit(exit)}`, options);
    this.exit = exit;
  }
}

/** A launch that failed for a cause we recognise: `cause` in words, `fix` for the operator, `evidence` verbatim. */
export class LaunchFailed extends KataError {
  readonly code = "LaunchFailed";
  readonly reason: string;
  readonly fix: string;
  readonly evidence: string;

  constructor(facts: { reason: string; cause: string; fix: string; evidence: string }, options?: { cause?: unknown }) {
    super(`${facts.cause}; ${facts.fix} (${facts.evidence})`, options);
    this.reason = facts.reason;
    this.fix = facts.fix;
    this.evidence = facts.evidence;
  }
}

export class AgentLost extends KataError {
  readonly code = "AgentLost";

  constructor(during: string, reason: string, options?: { cause?: unknown }) {
    super(`lost the guest agent while ${during}: ${reason}`, options);
  }
}

/** A connection ended; calls in flight may or may not have been carried out. */
export class ConnectionLost extends KataError {
  readonly code = "ConnectionLost";

  constructor(peer: string, reason: string, options?: { cause?: unknown }) {
    super(`the connection to ${peer} is gone: ${reason}`, options);
  }
}

export class DeadlineExceeded extends KataError {
  readonly code = "DeadlineExceeded";

  constructor(operation: string, limitMs: number, options?: { cause?: unknown }) {
    super(`${operation} did not finish within ${limitMs} ms`, options);
  }
}

export class Cancelled extends KataError {
  readonly code = "Cancelled";

  constructor(operation: string, options?: { cause?: unknown }) {
    super(`${operation} was cancelled`, options);
  }
}

/** The peer broke its protocol. */
export class ProtocolViolation extends KataError {
  readonly code = "ProtocolViolation";
  readonly protocol: string;
  /** byte offset in the input, when one is meaningful */
  readonly offset: number | undefined;

  constructor(protocol: string, problem: string, at?: { offset?: number; bytes?: Uint8Array }) {
    const where = at?.offset === undefined ? "" : ` at offset ${at.offset}`;
    const sample = at?.bytes === undefined ? "" : ` (${Buffer.from(at.bytes.subarray(0, 16)).toString("hex")})`;
    super(`${protocol}: ${problem}${where}${sample}`);
    this.protocol = protocol;
    this.offset = at?.offset;
  }
}

/** A peer answered with an error status of its own (google.rpc.Code); its text is cut to `maxPeerText`. */
export class RemoteError extends KataError {
  readonly code = "RemoteError";
  readonly status: number;
  readonly remoteMessage: string;

  constructor(operation: string, status: number, remoteMessage: string) {
    const text = cutPeerText(remoteMessage);
    super(`${operation}: ${text || `status ${status}`}`);
    this.status = status;
    this.remoteMessage = text;
  }
}

export class MeasurementMismatch extends KataError {
  readonly code = "MeasurementMismatch";

  constructor(part: string, expected: string, actual: string) {
    super(`${part} measures ${actual}, expected ${expected}`);
  }
}

export class CleanupIncomplete extends KataError {
  readonly code = "CleanupIncomplete";
  readonly failures: readonly { readonly step: string; readonly error: unknown }[];

  constructor(failures: readonly { step: string; error: unknown }[]) {
    super(`cleanup incomplete: ${failures.map((f) => `${f.step}: ${errorText(f.error)}`).join("; ")}`);
    this.failures = failures;
  }
}

/** Characters of a peer's words that are kept: they go to logs, to events that are kept, and to users. */
const maxPeerText = 8192;

export function cutPeerText(text: string): string {
  return text.length <= maxPeerText ? text : `${text.slice(0, maxPeerText)} … (${text.length} characters)`;
}

/** One line for any thrown value. */
export function errorText(error: unknown): string {
  if (error instanceof Error) return oneLine(error.message) || error.name;
  return oneLine(String(error));
}

/** The errno name of a Node system error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}

export function describeVmExit(exit: VmExitFacts): string {
  if (exit.helperLoss !== undefined) return exit.helperLoss;
  const how = exit.signal ? `QEMU was ended by ${exit.signal}` : `QEMU exited with ${exit.exitCode ?? "no code"}`;
  const said = lastLines(exit.stderrTail, 3);
  const console = lastLines(exit.consoleTail, 3);
  return `${how}${said ? `, saying: ${said}` : ""}${console ? `; last console lines: ${console}` : ""}`;
}

function lastLines(text: string, count: number): string {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .slice(-count)
    .join(" | ");
}

/** In linear time: the text may be a hostile guest's. */
function oneLine(text: string): string {
  const lines = text.split(/[\r\n]/).map((line) => line.trim());
  return lines.filter((line) => line !== "").join(" | ");
}
