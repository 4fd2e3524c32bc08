// The runtime handlers of a lab: runc as the peer, and ours once the shim is built. Each of ours
// has a configuration file in the lab's folder, so that a test can change one without the others.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { LabHandler } from "./containerd-config.ts";
import { runcHandler } from "./start-lab.ts";
import { repository } from "./tools.ts";

/** The shim that `npm run build` makes. */
export const shimBinary = join(repository, "dist/bin/containerd-shim-kata-cvm-v2");
/** Shipped configuration per handler; `kata-cvm` is the measured class, `kata-cvm-fast` the quick one. */
const shipped = { "kata-cvm": "configs/kata-cvm.toml", "kata-cvm-fast": "configs/kata-cvm-fast.toml" } as const;

export function ourHandler(name: string, configPath: string): LabHandler {
  return { name, runtimeType: "io.containerd.kata-cvm.v2", runtimePath: shimBinary, configPath };
}

export function handlers(): readonly LabHandler[] {
  const ours = Object.entries(shipped).map(([name, path]) => ourHandler(name, join(repository, path)));
  return [runcHandler(), ...(existsSync(shimBinary) ? ours : [])];
}
