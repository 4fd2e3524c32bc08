// `kata-cvm reap`: what pods without a living daemon left behind, listed, then removed.

import { errorText } from "../lib/errors.ts";
import { describeOwned, planReclaim } from "../pod/reclaim.ts";
import { endPod, removeRunDir } from "../runtime/end-pod.ts";
import { defineCommand } from "./command.ts";
import { listOrphans, listPods } from "./pod-directory.ts";

export const reapCommand = defineCommand({
  command: "reap",
  describe: "remove what pods without a living daemon left behind",
  options: { "dry-run": { type: "boolean", describe: "only list it", default: false } },
  run: async (args) => {
    const dead = (await listPods()).filter((pod) => !pod.alive);
    const pods = [];
    for (const { record, runDir } of dead) {
      const steps = planReclaim(record.owned).map(describeOwned);
      const error = args["dry-run"] ? null : await tryEnd(() => endPod(record, runDir));
      pods.push({ id: record.podId, runDir, steps, removed: !args["dry-run"] && error === null, error });
    }
    for (const runDir of await listOrphans()) {
      const error = args["dry-run"] ? null : await tryEnd(() => removeRunDir(runDir));
      const steps = [`remove ${runDir}, which has no readable ledger`];
      pods.push({ id: null, runDir, steps, removed: !args["dry-run"] && error === null, error });
    }
    const text = pods.flatMap((pod) => [
      `${pod.id ?? pod.runDir}: ${pod.removed ? "removed" : (pod.error ?? "would be removed")}`,
      ...pod.steps.map((step) => `  ${step}`),
    ]);
    const failed = pods.some((pod) => pod.error !== null);
    return { json: { pods }, text: text.join("\n") || "nothing is left behind", exitCode: failed ? 1 : 0 };
  },
});

async function tryEnd(end: () => Promise<void>): Promise<string | null> {
  try {
    await end();
    return null;
  } catch (error) {
    return errorText(error);
  }
}
