// The guest's vsock id is planned from the pod's id, but all VMs of a host share the ids, also those
// of other programs: QEMU is told to take another when this one is taken. No measurement sees it.
import { randomInt } from "node:crypto";
import { errorText } from "../lib/errors.ts";
import type { QmpStep } from "../plan/qmp-steps.ts";

const attempts = 5;
/** 0 to 2 and the highest are reserved (vsock(7)) */
const [lowestCid, endOfCids] = [3, 0xffff_fffe];

/** The id that this step would take; undefined for other steps. */
export function cidOfStep({ execute, arguments: given }: QmpStep): number | undefined {
  if (execute !== "device_add" || given?.["driver"] !== "vhost-vsock-pci") return undefined;
  return Number(given["guest-cid"]);
}

/** Calls `take` with the planned id, then with others while they are taken; answers with the one it got. */
export async function takeFreeCid(
  planned: number,
  take: (cid: number) => Promise<unknown>,
  choose: () => number = randomCid,
): Promise<number> {
  for (let attempt = 1, cid = planned; ; attempt++, cid = choose()) {
    try {
      await take(cid);
      return cid;
    } catch (error) {
      if (attempt === attempts || !/guest cid.*Address already in use/i.test(errorText(error))) throw error;
    }
  }
}

function randomCid(): number {
  return randomInt(lowestCid, endOfCids);
}
