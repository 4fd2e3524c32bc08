// Files that a user names on the command line: absent or unreadable ones are bad input, exit code 2.
import { open, readFile, stat } from "node:fs/promises";
import { errnoOf, InvalidRequest } from "../lib/errors.ts";

const MAX_INPUT = 1 << 30;
const CHUNK = 4 << 20;

/** `option` names the flag in the error, for example `--uki`. */
export async function readInput(option: string, path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > MAX_INPUT) throw new InvalidRequest(option, `${path} has ${size} bytes, the limit is ${MAX_INPUT}`);
    return await readFile(path);
  } catch (error) {
    throw asBadInput(option, path, error);
  }
}

/** Reads the first `length` bytes in chunks, each valid until the next one is asked for. */
export async function* readInputChunks(option: string, path: string, length = Number.POSITIVE_INFINITY) {
  const file = await open(path).catch((error: unknown) => {
    throw asBadInput(option, path, error);
  });
  try {
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (let left = length; left > 0; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK, left));
      if (bytesRead === 0) return;
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

function asBadInput(option: string, path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  return errno === undefined ? error : new InvalidRequest(option, `cannot read ${path} (${errno})`, { cause: error });
}
