// What the control service speaks of. Apart from the code that serves it, which is loaded late.
import type { Logger } from "../lib/logger.ts";
import type { Pod } from "../pod/pod.ts";
import type { PodHost } from "./pod-host.ts";

export interface ControlledPod {
  readonly pod: Pod;
  readonly host: PodHost;
  readonly logger: Logger;
}
