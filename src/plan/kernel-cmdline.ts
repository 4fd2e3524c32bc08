// The kernel command line, composed here and nowhere else. With a UKI it is what the image was
// built with; only a direct boot can add words, and there each of them is measured.
import type { RuntimeConfig } from "../config/schema.ts";
import { InvalidRequest } from "../lib/errors.ts";
import type { GuestImage } from "./inputs.ts";

/** What the kernel keeps of a command line on x86, including the end marker (COMMAND_LINE_SIZE). */
const maxBytes = 2048;

export function composeCmdline(config: RuntimeConfig, image: GuestImage): string {
  if (config.vm.boot !== "direct") return image.cmdline;
  const words = [image.cmdline, config.agent.debug ? "agent.log=debug" : "", config.vm.kernelParams.trim()];
  const line = words.filter((part) => part !== "").join(" ");
  if (!/^[\x20-\x7e]*$/.test(line)) throw new InvalidRequest("vm.kernel_params", "must be printable ASCII");
  if (line.length >= maxBytes) {
    throw new InvalidRequest(
      "vm.kernel_params",
      `makes a command line of ${line.length} bytes, the kernel keeps ${maxBytes - 1}`,
    );
  }
  return line;
}
