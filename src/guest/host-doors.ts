// What this agent keeps from the host of a confidential guest. It has no policy engine: a policy that is measured and
// not enforced would make a verifier release secrets to a guest that keeps none of its promises. And what an exec runs is
// measured nowhere, unlike a container.
import { existsSync } from "node:fs";
import { EnvironmentLacks } from "../lib/errors.ts";
import { isConfidential, type Run } from "./confidential.ts";
import { AgentFailure } from "./status.ts";

/** where the initdata job lays it out (agent-protocol §4.12) */
const POLICY = "/run/confidential-containers/initdata/policy.rego";

/** Throws where initdata brought a policy: before the host can ask for anything. */
export function refusePolicy(path = POLICY): void {
  if (!existsSync(path)) return;
  throw new EnvironmentLacks(
    "refused: initdata holds policy.rego, and this agent enforces no policy",
    "take it out of the initdata, or build the image with an agent that does",
  );
}

/** Whether the host may come in this way. */
export type HostDoor = () => Promise<boolean>;

/** Open without a TEE, and where the measured command line opens it; the CPU is asked at the first use, and once. */
export function hostDoor(isOpened: boolean, run?: Run): HostDoor {
  const known: { isConfidential?: boolean } = {};
  return async () => {
    if (isOpened) return true;
    known.isConfidential ??= await isConfidential(run);
    return !known.isConfidential;
  };
}

/** Throws where the host may start no exec. */
export async function requireExec(door: HostDoor): Promise<void> {
  if (await door()) return;
  throw new AgentFailure(
    "permissionDenied",
    "ExecProcessRequest is blocked by policy: the guest is confidential, and its measured command line lacks the word agent.exec",
  );
}
