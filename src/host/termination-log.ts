// A message of the guest's, put into the file from which the kubelet reads it.
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { errnoOf, errorText, HostCallFailed } from "../lib/errors.ts";

const { O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

/** Makes nothing and follows nothing: an existing, regular file, or an error. */
export async function writeTerminationLog(path: string, message: Uint8Array): Promise<void> {
  try {
    await using file = await open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!(await file.stat()).isFile()) throw new Error("it is no regular file");
    await file.truncate();
    await file.writeFile(message);
  } catch (error) {
    throw new HostCallFailed(`write the termination message ${path}`, errnoOf(error) ?? errorText(error), {
      cause: error,
    });
  }
}
