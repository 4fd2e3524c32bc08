// Waits until a Unix socket accepts connections, without connecting: the helpers serve one client
// and would take ours for QEMU.
import { readFile } from "node:fs/promises";
import { pause } from "../lib/deadline.ts";
import { DeadlineExceeded } from "../lib/errors.ts";

/** Rejects with what `died` resolves to, as soon as it does. */
export async function untilListening(
  path: string,
  limits: { timeoutMs: number; died: Promise<Error>; signal?: AbortSignal | undefined },
): Promise<void> {
  const over = new AbortController();
  const death = limits.died.then((error) => {
    throw error;
  });
  try {
    await Promise.race([poll(path, { ...limits, over: over.signal }), death]);
  } finally {
    over.abort();
    death.catch(() => undefined);
  }
}

async function poll(
  path: string,
  limits: { timeoutMs: number; signal?: AbortSignal | undefined; over: AbortSignal },
): Promise<void> {
  const end = performance.now() + limits.timeoutMs;
  while (!limits.over.aborted) {
    if (await isListening(path)) return;
    if (performance.now() > end) throw new DeadlineExceeded(`waiting for ${path}`, limits.timeoutMs);
    await pause(5, limits.signal);
  }
}

// proc(5), /proc/net/unix: Num RefCount Protocol Flags Type St Inode Path; the flag is SO_ACCEPTCON.
const acceptsConnections = "00010000";

async function isListening(path: string): Promise<boolean> {
  const table = await readFile("/proc/net/unix", "utf8");
  return table.split("\n").some((line) => line.endsWith(` ${path}`) && line.split(/ +/)[3] === acceptsConnections);
}
