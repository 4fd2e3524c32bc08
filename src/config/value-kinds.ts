// The kinds of values a configuration key can have: each turns an unknown value into the typed
// one or says in words what is wrong. Small on purpose: every shim start pays for loading this.

/** `undefined` when the value is fine. */
export type Problem = string | undefined;

export interface Kind<T> {
  readonly describe: string;
  check(value: unknown): Problem;
  /** annotations carry text */
  fromText(text: string): unknown;
  /** type only */
  readonly sample?: T;
}

export interface Key<T> {
  readonly kind: Kind<T>;
  readonly fallback: T;
  readonly doc: string;
}

export function key<T>(kind: Kind<T>, fallback: T, doc: string): Key<T> {
  return { kind, fallback, doc };
}

export function choice<const T extends string>(...words: T[]): Kind<T> {
  const describe = `one of ${words.join(", ")}`;
  return {
    describe,
    check: (value) => (words.some((word) => word === value) ? undefined : `must be ${describe}`),
    fromText: (text) => text,
  };
}

/** Empty means: not set. */
export const optionalPath: Kind<string> = matching(/^$|^\/[^\0,]*$/, "an absolute path without a comma, or empty");
/** QEMU's option syntax gives commas a meaning, and doubling them everywhere is how escapes are forgotten. */
export const path: Kind<string> = matching(/^\/[^\0,]*$/, "an absolute path without a comma");

export function matching(pattern: RegExp, describe: string): Kind<string> {
  return {
    describe,
    check: (value) => (typeof value === "string" && pattern.test(value) ? undefined : `must be ${describe}`),
    fromText: (given) => given,
  };
}

export function wholeNumber(min: number, max: number): Kind<number> {
  const describe = `a whole number from ${min} to ${max}`;
  return {
    describe,
    check: (value) =>
      typeof value === "number" && Number.isInteger(value) && value >= min && value <= max
        ? undefined
        : `must be ${describe}`,
    fromText: (given) => (/^\d{1,15}$/.test(given) ? Number(given) : given),
  };
}

export const flag: Kind<boolean> = {
  describe: "true or false",
  check: (value) => (typeof value === "boolean" ? undefined : "must be true or false"),
  fromText: (given) => (given === "true" ? true : given === "false" ? false : given),
};

export function listOf<T>(kind: Kind<T>): Kind<readonly T[]> {
  return {
    describe: `a list of: ${kind.describe}`,
    check: (value) => {
      if (!Array.isArray(value)) return `must be a list, each ${kind.describe}`;
      const at = value.findIndex((item) => kind.check(item) !== undefined);
      return at === -1 ? undefined : `entry ${at + 1} ${kind.check(value[at])}`;
    },
    fromText: (given) => given,
  };
}
