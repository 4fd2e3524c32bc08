// The pod's control socket, root's alone, for the command-line tool. gRPC costs more memory than the
// rest of the daemon: it is loaded with the first connection, which a pod without trouble never sees.
import { chmodSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { errorText } from "../lib/errors.ts";
import type { ControlledPod } from "./controlled-pod.ts";

export const controlSocketName = "control.sock";

export function serveControl(controlled: ControlledPod): { close(): Promise<void> } {
  const { host, logger } = controlled;
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.once("error", () => socket.destroy());
    socket.pause();
    void import("./control.ts")
      .then(({ acceptControl }) => acceptControl(socket, controlled))
      .catch((error: unknown) => {
        logger.error("the control service does not start", { error: errorText(error) });
        socket.destroy();
      });
  });
  const path = join(host.runDir, controlSocketName);
  server.on("error", (error) => logger.warn("no control socket", { path, error: errorText(error) }));
  server.listen(path, () => chmodSync(path, 0o600));
  server.unref();
  return {
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
