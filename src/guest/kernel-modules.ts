// Kernel modules that the host asks for with the sandbox (agent-protocol §4.7). A module's parameters are not measured and
// reach into the kernel: a confidential guest loads what its own image loads, and nothing for its host.
import { InvalidRequest, Unsupported } from "../lib/errors.ts";
import type { KernelModule } from "../wire/gen/kata/agent.ts";
import { isConfidential, type Run, runBounded } from "./confidential.ts";

export async function loadModules(modules: readonly KernelModule[], run: Run = runBounded): Promise<void> {
  if (modules.length === 0) return;
  if (await isConfidential(run)) throw new Unsupported("kernel_modules", "the guest is confidential");
  for (const { name, parameters } of modules) {
    if (!/^[\w-]+$/.test(name)) throw new InvalidRequest("kernel_modules.name", JSON.stringify(name.slice(0, 64)));
    await run("modprobe", ["--", name, ...parameters]);
  }
}
