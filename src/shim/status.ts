// Our errors -> google.rpc.Code. The only such table: containerd's behaviour hangs on these numbers
// (shim-contract §2.4: NotFound ends a stop, Unimplemented makes containerd retry with another API).
import { type ErrorCode, errorText, KataError, RemoteError } from "../lib/errors.ts";

export interface RpcStatus {
  readonly code: number;
  readonly message: string;
}

export const rpcCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

const codes: Readonly<Record<ErrorCode, number>> = {
  InvalidRequest: rpcCode.invalidArgument,
  InvalidConfig: rpcCode.invalidArgument,
  MalformedInput: rpcCode.invalidArgument,
  NotFound: rpcCode.notFound,
  AlreadyExists: rpcCode.alreadyExists,
  WrongState: rpcCode.failedPrecondition,
  Unsupported: rpcCode.unimplemented,
  HostCommandFailed: rpcCode.internal,
  HostCallFailed: rpcCode.internal,
  EnvironmentLacks: rpcCode.failedPrecondition,
  VmExited: rpcCode.unavailable,
  LaunchFailed: rpcCode.failedPrecondition,
  AgentLost: rpcCode.unavailable,
  ConnectionLost: rpcCode.unavailable,
  DeadlineExceeded: rpcCode.deadlineExceeded,
  Cancelled: rpcCode.cancelled,
  ProtocolViolation: rpcCode.internal,
  RemoteError: rpcCode.unknown,
  MeasurementMismatch: rpcCode.failedPrecondition,
  CleanupIncomplete: rpcCode.internal,
};

/** The guest's own codes pass where containerd gives them a meaning; texts of the agent stand for the others. */
export function toRpcStatus(error: unknown, call?: { readonly method: string }): RpcStatus {
  const message = errorText(error);
  if (error instanceof RemoteError) return { code: remoteCode(error), message };
  const code = error instanceof KataError ? codes[error.code] : rpcCode.internal;
  // containerd takes Unimplemented from Create as a request to downgrade the API
  const isMisleading = code === rpcCode.unimplemented && call?.method === "Create";
  return { code: isMisleading ? rpcCode.failedPrecondition : code, message };
}

/** The real agent answers INTERNAL for most things (agent-protocol §6); a gone process must be NotFound to containerd. */
function remoteCode(error: RemoteError): number {
  if (
    /ESRCH|no such process|InvalidExecId|InitProcessNotFound|[Ii]nvalid ?[Cc]ontainer ?[Ii]d/i.test(error.remoteMessage)
  ) {
    return rpcCode.notFound;
  }
  // the agent's API, not ours, lacks something
  return error.status === rpcCode.unimplemented ? rpcCode.failedPrecondition : error.status;
}
