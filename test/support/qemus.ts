// The QEMUs that tests can ask: the system's own, and a newer one where it was unpacked
// (test/support/newer-qemu, or QEMU_NEWER).
import { accessSync, constants } from "node:fs";

export const systemQemu = "/usr/bin/qemu-system-x86_64";
export const newerQemu = process.env["QEMU_NEWER"] ?? "/var/cache/kata-cvm/newer-qemu/qemu-system-x86_64";

export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
