// Deterministic mutations for the fuzzers: the same seed gives the same inputs, so a finding is a number.

/** xorshift32 over a non-zero seed; returns integers in [0, bound). */
export function random(seed: number): (bound: number) => number {
  let state = seed >>> 0 || 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % bound;
  };
}

const interesting = [0, 1, 0x7f, 0x80, 0xff, 0xfff, 0x1000, 0x7fffffff, 0x80000000, 0xffffffff];

/** A changed copy: flipped bits, edge values in 1, 2, 4 or 8 byte fields, cuts, repeats and moved ranges. */
export function mutate(input: Uint8Array, next: (bound: number) => number): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(input);
  for (let rounds = 1 + next(4); rounds > 0 && bytes.length > 0; rounds--) bytes = mutateOnce(bytes, next);
  return bytes;
}

function mutateOnce(bytes: Uint8Array, next: (bound: number) => number): Uint8Array {
  const at = next(bytes.length);
  switch (next(6)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << next(8));
      return bytes;
    case 1:
      bytes[at] = next(256);
      return bytes;
    case 2: {
      const value = interesting[next(interesting.length)] ?? 0;
      for (let i = 0, width = 1 << next(4); i < width && at + i < bytes.length; i++)
        bytes[at + i] = value >>> (8 * (i % 4));
      return bytes;
    }
    case 3:
      return bytes.slice(0, at);
    case 4: {
      const length = Math.min(bytes.length - at, 1 + next(64));
      bytes.copyWithin(next(bytes.length), at, at + length);
      return bytes;
    }
    default: {
      const extra = bytes.slice(at, at + 1 + next(64));
      const longer = new Uint8Array(bytes.length + extra.length);
      longer.set(bytes.subarray(0, at));
      longer.set(extra, at);
      longer.set(bytes.subarray(at), at + extra.length);
      return longer;
    }
  }
}
