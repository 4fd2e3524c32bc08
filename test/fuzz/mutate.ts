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

const oddValues: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  2 ** 53,
  1e308,
  "",
  "/../x\0",
  [],
  {},
  [null],
  { __proto__: null, constructor: 1 },
];

/** A JSON document with one value replaced, left out or doubled: `bytes` lead to the place and pick what comes there. */
export function disturb(document: unknown, bytes: Uint8Array): unknown {
  const [step = 0] = bytes;
  const rest = bytes.subarray(1);
  if (typeof document !== "object" || document === null || rest.length === 0 || step < 32) {
    return oddValues[step % oddValues.length];
  }
  const entries = Object.entries(document);
  const at = step % (entries.length + 1);
  const chosen = entries[at];
  if (chosen === undefined) return Array.isArray(document) ? [...document, ...document] : {};
  const changed = [chosen[0], disturb(chosen[1], rest)] as const;
  if (Array.isArray(document)) return document.map((item: unknown, index) => (index === at ? changed[1] : item));
  return Object.fromEntries(entries.map((entry, index) => (index === at ? changed : entry)));
}

/** Seeds for targets that use `disturb`. */
export function disturbances(count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, seed) => {
    const next = random(seed + 1);
    return Uint8Array.from({ length: 8 }, () => next(256));
  });
}
