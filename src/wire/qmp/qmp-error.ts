// QEMU's refusal of a command. QMP's error classes say little (nearly all are GenericError); the description is the
// information, and it is the operator's to act on.
import { cutPeerText, KataError } from "../../lib/errors.ts";

export class QmpError extends KataError {
  readonly code = "HostCallFailed";
  readonly command: string;
  /** QMP's error class, e.g. `GenericError`, `DeviceNotFound`, `CommandNotFound` */
  readonly errorClass: string;
  readonly description: string;

  constructor(command: string, errorClass: string, description: string) {
    const text = cutPeerText(description);
    super(`QEMU refused ${command}: ${text}`);
    this.command = command;
    this.errorClass = errorClass;
    this.description = text;
  }
}
