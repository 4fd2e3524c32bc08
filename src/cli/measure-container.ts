// `kata-cvm measure container`: what the guest will extend PCR 14 by for a container, from its OCI specification and
// the verity root hashes of its layers.

import { InvalidRequest } from "../lib/errors.ts";
import { toHex } from "../measure/hex.ts";
import { CONTAINER_PCR, digestContainerMeasurement, renderContainerMeasurement } from "../oci/container-measurement.ts";
import { parseSpec } from "../oci/parse-spec.ts";
import { defineCommand } from "./command.ts";
import { readInput } from "./read-input.ts";

export const measureContainerCommand = defineCommand({
  command: "measure container",
  describe: `what a container adds to PCR ${CONTAINER_PCR} before it runs`,
  options: {
    spec: { type: "string", describe: "OCI config.json of the container", demandOption: true },
    layer: {
      type: "string",
      array: true,
      nargs: 1,
      demandOption: true,
      describe: "verity root hash of a layer, the topmost first; may be repeated",
    },
  },
  async run({ spec: path, layer: layers }) {
    const { process, root, mounts = [], linux = {} } = parseSpec(await readInput("--spec", path));
    if (process === undefined) throw new InvalidRequest("--spec", `${path} describes no process`);
    for (const hash of layers) {
      if (!/^([0-9a-f]{2})+$/.test(hash)) throw new InvalidRequest("--layer", `${hash} is no lower-case hex`);
    }
    const text = renderContainerMeasurement({
      layers,
      process,
      readonlyRoot: root?.readonly ?? false,
      mounts: mounts.map(({ destination }) => destination),
      linux,
    });
    const digest = digestContainerMeasurement(text);
    const json = { pcr: CONTAINER_PCR, digest: toHex(digest), text };
    return { json, text: `${json.digest}  ${text}`, exitCode: 0 };
  },
});
