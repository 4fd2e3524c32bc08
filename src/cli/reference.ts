// `kata-cvm reference`: the values of `measure pod`, in the forms that verifiers take. vCPU classes and boot
// phases give several good values of one register, each labelled.
import { EnvironmentLacks, Unsupported } from "../lib/errors.ts";
import { renderCorim } from "../measure/evidence/corim.ts";
import { type ReferenceSet, renderReference } from "../measure/evidence/reference.ts";
import { renderRvps } from "../measure/evidence/rvps.ts";
import { type CommandResult, defineCommand } from "./command.ts";
import { podValuesOptions, readPodValues } from "./pod-values.ts";

/** Without what was launched, a reference would let any firmware or image pass. */
const launchValue = /^(snp\.measurement|tdx\.mrTd|pcr\.sha256\.4)\b/;

export const referenceCommand = defineCommand({
  command: "reference",
  describe: "reference values of a runtime class, for `verify --reference` and for verifiers of others",
  options: {
    ...podValuesOptions,
    format: {
      type: "string",
      describe: "plain JSON, a message for Trustee's RVPS, or an unsigned CoRIM (base64 in --json)",
      choices: ["json", "rvps", "corim"],
      default: "json",
    },
  },
  async run(args) {
    const pod = await readPodValues(args);
    const reason = pod.unknown.map((one) => `${one.name}: ${one.reason}`).join("; ");
    if (pod.values.length === 0) throw new Unsupported("a reference of this class", reason);
    const launch = pod.unknown.find(({ name }) => launchValue.test(name));
    if (launch !== undefined) throw new EnvironmentLacks(`no reference without ${launch.name}`, launch.reason);
    const notes = pod.unknown.map(({ name, reason }) => `left out, so not compared: ${name}: ${reason}`);
    return { ...renderSet({ subject: `kata-cvm ${pod.class}`, values: pod.values }, args.format), notes };
  },
});

function renderSet(set: ReferenceSet, format: "json" | "rvps" | "corim"): CommandResult {
  if (format === "corim") {
    const corim = renderCorim(set);
    return { json: { corim: corim.toString("base64") }, text: corim.toString("hex"), exitCode: 0 };
  }
  const json = format === "rvps" ? renderRvps(set) : renderReference(set);
  return { json, text: JSON.stringify(json, null, 2), exitCode: 0 };
}
