// How many times longer anything may take than on the machine that the limits were chosen on. Limits
// only end what hangs, so this changes no result; the lab host, emulated twice, sets it.
export const PATIENCE = Number(process.env["E2E_PATIENCE"] ?? 1);

/** The moment until which something may take so many milliseconds. */
export function deadline(ms: number): number {
  return Date.now() + ms * PATIENCE;
}
