// Development: no confidential hardware. The host can read and change everything in the guest.
import type { TeePlan } from "../launch-plan.ts";

export function planNone(): TeePlan {
  return { kind: "none" };
}
