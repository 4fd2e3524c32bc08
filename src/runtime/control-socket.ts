// The pod's control socket, root's alone, for the command-line tool. gRPC costs more memory than the
// rest of the daemon: it is loaded with the first connection, which a pod without trouble never sees.
import { chmodSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { errorText } from "../lib/errors.ts";
import type { ControlledPod } from "./controlled-pod.ts";

export const controlSocketName = "control.sock";
/** for answers that the pod's end makes possible: the one to Stop, an exec's exit */
const lastAnswersMs = 250;

/** Closed, it takes no more connections; those it has stay until the pod's end has been told. */
export function serveControl(controlled: ControlledPod): { close(): Promise<void> } {
  const { pod, host, logger } = controlled;
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
    close: async () => {
      server.close();
      const hangUp = () => {
        for (const socket of sockets) socket.destroy();
      };
      void pod.end().then(() => setTimeout(hangUp, lastAnswersMs));
    },
  };
}
