// A helper that ends before its VM. What it served answers no more: the guest's requests to a file-sharing daemon
// wait for ever, and without the vsock daemon nothing reaches the agent. Such a VM is ended, and its end says why,
// rather than a pod that hangs without a word. A TPM that is gone fails the guest's commands instead; the rest goes on.
import { pause } from "../lib/deadline.ts";
import { errorText } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { HelperPlan } from "../plan/launch-plan.ts";
import type { Child, ChildExit } from "./child.ts";

export interface StartedHelper {
  readonly kind: HelperPlan["kind"];
  readonly exited: Promise<ChildExit>;
}

/** How much later than a helper's end QEMU's may be seen, if it was the cause. */
const qemuEndMs = 2_000;

/** What a VM cannot go on without. */
const vital: Readonly<Partial<Record<HelperPlan["kind"], string>>> = {
  "vhost-device-vsock": "the connection to the guest's agent",
  virtiofsd: "the pod's host directories",
};

export class HelperLoss {
  readonly #logger: Logger;
  readonly #waitMs: number;
  #why: string | undefined;

  constructor(logger: Logger, waitMs = qemuEndMs) {
    this.#logger = logger;
    this.#waitMs = waitMs;
  }

  /** Why the VM was ended, for whoever tells its end. */
  get facts(): { readonly helperLoss?: string } {
    return this.#why === undefined ? {} : { helperLoss: this.#why };
  }

  async watch({ kind, exited }: StartedHelper, qemu: Pick<Child, "exited" | "end">): Promise<void> {
    const end = await exited;
    // helpers end by themselves when QEMU hangs up, and their ends may be seen before its own
    const withVm = await Promise.race([qemu.exited.then(() => true), pause(this.#waitMs).then(() => false)]);
    if (withVm) return;
    this.#logger.error("a helper of the VM ended before it: what it served does not answer any more", { kind, ...end });
    const served = vital[kind];
    if (served === undefined) return;
    this.#why ??= `${kind}, which serves ${served}, ${describe(end)}`;
    try {
      await qemu.end();
    } catch (error) {
      this.#logger.error("a VM without its helper could not be ended", { kind, error: errorText(error) });
    }
  }
}

function describe({ exitCode, signal, stderrTail }: ChildExit): string {
  const how = signal === null ? `exited with ${exitCode ?? "no code"}` : `was ended by ${signal}`;
  const last = stderrTail.trim().split("\n").at(-1) ?? "";
  return last === "" ? how : `${how}, saying: ${last}`;
}
