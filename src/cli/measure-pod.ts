// `kata-cvm measure pod`: every value that pods of a runtime class may measure to, before any is started.
import { renderReference } from "../measure/evidence/reference.ts";
import { defineCommand } from "./command.ts";
import { type PodValues, podValuesOptions, readPodValues } from "./pod-values.ts";

export const measurePodCommand = defineCommand({
  command: "measure pod",
  describe: "every expected value of a runtime class with its configuration, for all its classes of vCPUs",
  options: podValuesOptions,
  run: async (args) => {
    const pod = await readPodValues(args);
    const { values } = renderReference({ subject: pod.class, values: pod.values });
    return { json: { ...pod, values }, text: renderText(pod), exitCode: 0 };
  },
});

function renderText({ values, unknown, ...pod }: PodValues): string {
  const width = Math.max(...values.map(({ name }) => name.length), "root hash".length);
  return [
    `class ${pod.class}, vCPU classes ${pod.vcpuClasses.join(", ")}`,
    `${"root hash".padEnd(width)}  ${pod.rootHash}`,
    ...values.map(({ name, value, label }) => `${name.padEnd(width)}  ${value}${label === "" ? "" : `  ${label}`}`),
    ...unknown.map(({ name, reason }) => `${name.padEnd(width)}  unknown: ${reason}`),
  ].join("\n");
}
