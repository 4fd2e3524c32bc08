// The layer cache after it has grown: the image garbage collection of containerd and the kubelet knows nothing of it.
import type { RuntimeConfig } from "../config/schema.ts";
import { pruneLayers } from "../host/layer-cache.ts";
import { errorText } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";

/** Keeps the cache within `paths.layers_max`. A pod is none the worse when that fails, so it is only said. */
export async function boundLayers({ paths }: RuntimeConfig, logger: Logger): Promise<void> {
  if (paths.layersMax === 0) return;
  try {
    const { removed, keptBytes } = await pruneLayers(paths.layers, { maxBytes: paths.layersMax * 1024 * 1024 });
    if (removed.length > 0) logger.info("layers were removed from the cache", { layers: removed.length, keptBytes });
  } catch (error) {
    logger.warn("the layer cache could not be pruned", { directory: paths.layers, error: errorText(error) });
  }
}
