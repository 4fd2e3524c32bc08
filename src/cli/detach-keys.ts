// Ctrl-P Ctrl-Q, the way out of a terminal that passes every other key on, as Docker's and nerdctl's.
// A Ctrl-P is kept back until the next key tells what it was.

const ctrlP = 0x10;
const ctrlQ = 0x11;

export class DetachKeys {
  #held = false;

  /** What of these bytes is for the process, and whether the user left after them. */
  take(bytes: Uint8Array): { readonly passed: Uint8Array; readonly detached: boolean } {
    const passed: number[] = [];
    for (const byte of bytes) {
      if (this.#held && byte === ctrlQ) return { passed: Uint8Array.from(passed), detached: true };
      if (this.#held) passed.push(ctrlP);
      this.#held = byte === ctrlP;
      if (!this.#held) passed.push(byte);
    }
    return { passed: Uint8Array.from(passed), detached: false };
  }
}
