// `kata-cvm layers`: the container layers that this host has converted to disks, and their removal.
import { type CachedLayer, listLayers, pruneLayers } from "../host/layer-cache.ts";
import type { LayerImage } from "../host/layer-image.ts";
import { InvalidRequest } from "../lib/errors.ts";
import { type ArgsOf, type CommandResult, defineCommand } from "./command.ts";
import { configOption, loadConfigFor } from "./config-option.ts";
import { renderTable } from "./table.ts";

const mib = 1024 * 1024;
const options = {
  action: {
    type: "string",
    describe: "prune: remove the longest unused, never those of a running pod or of the last 10 minutes",
    choices: ["list", "prune"],
    default: "list",
  },
  to: { type: "number", describe: "MiB that may stay after prune (default paths.layers_max)" },
  config: configOption,
} as const;

export const layersCommand = defineCommand({
  command: "layers [action]",
  describe: "list the cached container layers, or prune them",
  options,
  run: async (args) => {
    const { config } = await loadConfigFor(args.config, {});
    const cache = { directory: config.paths.layers, maxMiB: config.paths.layersMax };
    return args.action === "prune" ? await prune(args, cache) : await list(cache);
  },
});

interface Cache {
  readonly directory: string;
  /** 0: no bound */
  readonly maxMiB: number;
}

async function list({ directory, maxMiB }: Cache): Promise<CommandResult> {
  const layers = (await listLayers(directory)).map(describeLayer);
  const bytes = layers.reduce((sum, layer) => sum + layer.bytes, 0);
  const rows = layers.map((layer) => [
    layer.rootHash.slice(0, 13),
    inMiB(layer.bytes),
    layer.lastUsed,
    layer.inUse ? "yes" : "",
    layer.sources.join(" "),
  ]);
  const bound = maxMiB === 0 ? "without a bound" : `of ${maxMiB} MiB that paths.layers_max allows`;
  const text = `${renderTable(["ROOT HASH", "MIB", "LAST USED", "IN USE", "FROM"], rows)}

${inMiB(bytes)} MiB in ${directory}, ${bound}`;
  return { json: { directory, maxBytes: maxMiB === 0 ? null : maxMiB * mib, bytes, layers }, text, exitCode: 0 };
}

async function prune(args: ArgsOf<typeof options>, { directory, maxMiB }: Cache): Promise<CommandResult> {
  if (args.to === undefined && maxMiB === 0) throw new InvalidRequest("--to", "is required: paths.layers_max is 0");
  const toMiB = args.to ?? maxMiB;
  if (!(toMiB >= 0)) throw new InvalidRequest("--to", "must be a number of MiB");
  const { removed, keptBytes } = await pruneLayers(directory, { maxBytes: toMiB * mib });
  const lines = removed.map((image) => `removed ${image.rootHash.slice(0, 13)}, ${inMiB(image.bytes)} MiB`);
  const text = [...lines, `${inMiB(keptBytes)} MiB stay in ${directory}`].join("\n");
  return { json: { directory, removed: removed.map(describeImage), keptBytes }, text, exitCode: 0 };
}

function describeLayer({ image, lastUsedMs, isOpen, sources }: CachedLayer) {
  return { ...describeImage(image), lastUsed: new Date(lastUsedMs).toISOString(), inUse: isOpen, sources };
}

function describeImage({ path, rootHash, bytes }: LayerImage) {
  return { path, rootHash, bytes };
}

function inMiB(bytes: number): string {
  return (bytes / mib).toFixed(1);
}
