// The values of a whole runtime class: the launch is planned once for each class of vCPUs by the planLaunch that
// launches, and what the plans measure to is put together. The machine that will launch need not be this one.

import type { RuntimeConfig } from "../config/schema.ts";
import { podRunDir, runRoot } from "../host/run-dir.ts";
import { criSandboxCpuQuota } from "../oci/cri-annotations.ts";
import type { InitdataPlan } from "../plan/launch-plan.ts";
import { classOf, planLaunch } from "../plan/plan-launch.ts";
import type { Prediction } from "../plan/predict-launch.ts";
import { expectedValues, plannedFiles } from "../runtime/expected-values.ts";
import type { CommandOptions } from "./command.ts";
import { annotationOption, configOption, loadConfigFor, parseAnnotations } from "./config-option.ts";
import { assumeHostFacts } from "./facts-file.ts";
import { readInput } from "./read-input.ts";

/** Which launches are meant. */
export const podValuesOptions = {
  config: configOption,
  annotation: annotationOption,
  initdata: { type: "string", describe: "initdata document of the pod (default: the configuration's, or none)" },
  facts: { type: "string", describe: "facts of the machine that will launch, as JSON" },
} as const satisfies CommandOptions;

export interface PodValues extends Prediction {
  readonly class: ReturnType<typeof classOf>;
  readonly vcpuClasses: readonly number[];
  readonly rootHash: string;
  readonly cmdline: string;
  readonly initdata?: InitdataPlan;
}

export async function readPodValues(args: {
  readonly config?: string | undefined;
  readonly annotation?: readonly string[] | undefined;
  readonly initdata?: string | undefined;
  readonly facts?: string | undefined;
}): Promise<PodValues> {
  const annotations = parseAnnotations(args.annotation);
  const { config } = await loadConfigFor(args.config, annotations);
  const facts = await assumeHostFacts(config, args.facts);
  const file = args.initdata ?? config.initdata.file;
  const document = file === "" ? {} : { initdata: (await readInput("--initdata", file)).toString("utf8") };
  const classes = startingClasses(config);
  const plans = classes.map(({ wanted }) =>
    planLaunch({ ...config, vm: { ...config.vm, defaultVcpus: wanted } }, facts, {
      podId: "measure",
      runDir: podRunDir("kata-cvm-measure", "measure", runRoot),
      nics: [],
      annotations: { ...annotations, [criSandboxCpuQuota]: "0" },
      ...document,
    }),
  );
  const read = plannedFiles();
  const predictions = await Promise.all(plans.map((plan) => expectedValues(plan, read)));
  const [first] = plans;
  return {
    class: classOf(config),
    vcpuClasses: classes.map(({ vcpus }) => vcpus),
    rootHash: facts.image.rootHash,
    cmdline: first?.cmdline ?? "",
    ...(first?.initdata === undefined ? {} : { initdata: first.initdata }),
    values: onlyOnce(predictions.flatMap(({ values }) => values)),
    unknown: onlyOnce(predictions.flatMap(({ unknown }) => unknown)),
  };
}

/** The classes that a VM may start in, each with what a pod may ask for to get it: one that grows has a bound. */
function startingClasses({ vm, container }: RuntimeConfig): readonly { vcpus: number; wanted: number }[] {
  const most = vm.tee !== "none" || container.staticResources ? Number.POSITIVE_INFINITY : vm.maxVcpus;
  return vm.vcpuClasses
    .filter((_, index, all) => (all[index - 1] ?? 0) < most)
    .map((vcpus) => ({ vcpus, wanted: Math.min(vcpus, most) }));
}

function onlyOnce<T>(items: readonly T[]): readonly T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}
