// Structured log lines in the form containerd prints (logfmt). Only entries create a root
// logger; everything else receives one and adds fields with `child`.
export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}

/** A value that must never reach a log; prints as `[redacted]`. */
export class Secret<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return "[redacted]";
  }

  toJSON(): string {
    return "[redacted]";
  }
}

const severity: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface LogSink {
  /** one whole line, without the newline; must never block or throw */
  write(line: string): void;
}

export function createLogger(
  sink: LogSink,
  options: { level: LogLevel; now?: () => Date; fields?: LogFields },
): Logger {
  const now = options.now ?? (() => new Date());
  const make = (fields: LogFields): Logger => {
    const at = (level: LogLevel) => (message: string, more?: LogFields) => {
      if (severity[level] < severity[options.level]) return;
      sink.write(renderLine(now(), level, { msg: message, ...fields, ...more }));
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (more) => make({ ...fields, ...more }),
    };
  };
  return make(options.fields ?? {});
}

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

function renderLine(time: Date, level: LogLevel, fields: LogFields): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${renderValue(value)}`);
  return `time="${time.toISOString()}" level=${level === "warn" ? "warning" : level} ${pairs.join(" ")}`;
}

function renderValue(value: unknown): string {
  const text =
    value instanceof Error ? value.message : typeof value === "object" ? JSON.stringify(value) : String(value);
  return /^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text);
}
