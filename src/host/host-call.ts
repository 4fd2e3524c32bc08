// Gives a failed file operation its words: HostCallFailed with the errno, instead of Node's own error.
import { errnoOf, HostCallFailed } from "../lib/errors.ts";

/** Runs `work`; a system error becomes HostCallFailed(`operation`), anything else passes unchanged. */
export async function hostCall<T>(operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined || cause instanceof HostCallFailed) throw cause;
    throw new HostCallFailed(operation, errno, { cause });
  }
}

/** As hostCall, but undefined when the file is not there. */
export async function ifPresent<T>(operation: string, work: () => Promise<T>): Promise<T | undefined> {
  return await hostCall(operation, async () => {
    try {
      return await work();
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    }
  });
}
