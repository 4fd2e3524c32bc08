// Bounded waits. Every wait on a peer goes through here: it races a time limit and, where
// given, an AbortSignal, and its timer never outlives it.
import { Cancelled, DeadlineExceeded } from "./errors.ts";

export interface WaitLimits {
  readonly operation: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export async function withDeadline<T>(work: Promise<T>, limits: WaitLimits): Promise<T> {
  const { operation, timeoutMs, signal } = limits;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const races: Promise<T>[] = [work];
  if (timeoutMs !== undefined) {
    races.push(
      new Promise((_, reject) => {
        timer = setTimeout(() => reject(new DeadlineExceeded(operation, timeoutMs)), timeoutMs);
      }),
    );
  }
  if (signal !== undefined) {
    races.push(
      new Promise((_, reject) => {
        onAbort = () => reject(abortReason(signal, operation));
        if (signal.aborted) onAbort();
        else signal.addEventListener("abort", onAbort, { once: true });
      }),
    );
  }
  try {
    return await Promise.race(races);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
  }
}

/** Resolves after `ms`, or rejects as soon as `signal` aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortReason(signal, "a pause"));
      return;
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal === undefined ? new Cancelled("a pause") : abortReason(signal, "a pause"));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** What a wait given up because of `signal` rejects with: the given reason, or Cancelled for a bare abort. */
export function abortReason(signal: AbortSignal, operation: string): Error {
  return signal.reason instanceof Error && signal.reason.name !== "AbortError"
    ? signal.reason
    : new Cancelled(operation);
}
