// The terminal this runs in, on the lab host's console, until Ctrl-] or the machine's end.
import { connect } from "node:net";

const LEAVE = 0x1d;

export async function openShell(path: string): Promise<void> {
  const { stdin, stdout } = process;
  const socket = connect(path);
  stdout.write("a root shell in the lab host; Ctrl-] ends the machine\n");
  stdin.setRawMode?.(true);
  await new Promise<void>((resolve) => {
    stdin.on("data", (chunk: Buffer) => {
      if (chunk.includes(LEAVE)) resolve();
      else socket.write(chunk);
    });
    stdin.once("end", resolve);
    socket.on("data", (chunk: Buffer) => stdout.write(chunk));
    socket.once("error", () => resolve());
    socket.once("close", () => resolve());
    socket.once("connect", () => socket.write("\n"));
  });
  stdin.setRawMode?.(false);
  stdin.pause();
  socket.destroy();
}
