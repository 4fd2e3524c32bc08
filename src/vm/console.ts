// The guest's serial console. We listen and QEMU connects, so no byte is missed; what the guest
// writes is kept only up to a limit, however much it writes.
import { chmod } from "node:fs/promises";
import net from "node:net";
import { errnoOf, HostCallFailed } from "../lib/errors.ts";
import { Tail } from "../lib/tail.ts";

const keptBytes = 64 * 1024;

export interface GuestConsole extends AsyncDisposable {
  /** the last 64 KiB at most */
  text(): string;
  /** hears every chunk from now on; the result unsubscribes */
  listen(onBytes: (bytes: Uint8Array) => void): () => void;
  /** what a person types */
  write(bytes: Uint8Array): void;
}

export async function openConsole(path: string): Promise<GuestConsole> {
  const tail = new Tail(keptBytes);
  const listeners = new Set<(bytes: Uint8Array) => void>();
  const guests = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    guests.add(socket);
    socket.on("data", (chunk: Buffer) => {
      tail.push(chunk);
      for (const listener of listeners) listener(chunk);
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => guests.delete(socket));
  });
  await listenAt(server, path);
  await chmod(path, 0o600);
  return {
    text: () => tail.text(),
    listen: (onBytes) => {
      listeners.add(onBytes);
      return () => listeners.delete(onBytes);
    },
    write: (bytes) => {
      for (const guest of guests) guest.write(bytes);
    },
    [Symbol.asyncDispose]: async () => {
      for (const guest of guests) guest.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listenAt(server: net.Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new HostCallFailed(`listen on ${path}`, errnoOf(cause) ?? "EUNKNOWN", { cause })),
    );
    server.listen(path, resolve);
  });
}
