// Port-forward: what is dialled in the pod's host-side namespace is joined with the same port of the guest.
import { listenForForwards } from "../host/port-redirect.ts";
import { errorText } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { Ownership } from "../lib/owned.ts";
import type { PodVm } from "../pod/ports.ts";
import { joinGuestPort } from "./guest-forward.ts";

export interface PortForwardContext {
  readonly netns: string;
  readonly vm: PodVm;
  /** vsock port of the guest's forwarder */
  readonly port: number;
  readonly ownership: Ownership;
  readonly logger: Logger;
}

export async function servePortForward(context: PortForwardContext): Promise<AsyncDisposable> {
  const { netns, ownership, logger, vm, port: forwarder } = context;
  return await listenForForwards(
    netns,
    (socket, port) => {
      joinGuestPort(socket, { vm, forwarder, port }).catch((error: unknown) => {
        logger.info("a port-forward was refused", { port, error: errorText(error) });
        socket.destroy();
      });
    },
    ownership,
  );
}
