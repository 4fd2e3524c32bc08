import assert from "node:assert/strict";
import { parseStdioUri } from "../../../src/host/stdio-uri.ts";
import { InvalidRequest, Unsupported } from "../../../src/lib/errors.ts";

const parse = (value: string) => parseStdioUri("stdout", value);

describe("a stdio string", () => {
  it("names nothing, a path, a FIFO, a file or a logger", () => {
    assert.deepEqual(parse(""), { kind: "none" });
    assert.deepEqual(parse("/run/io/c1-stdout"), { kind: "path", path: "/run/io/c1-stdout" });
    assert.deepEqual(parse("fifo:///run/a%20b"), { kind: "path", path: "/run/a b" });
    assert.deepEqual(parse("file:///var/log/x.log"), { kind: "file", path: "/var/log/x.log" });
  });

  it("keeps a plain path with an odd character as it is", () => {
    assert.deepEqual(parse("/run/50%/a?b#c"), { kind: "path", path: "/run/50%/a?b#c" });
  });

  it("gives a logger its query as arguments, first values only, and env. keys as variables", () => {
    assert.deepEqual(parse("binary:///bin/log?id=a%2Fb&flag&id=second&env.LEVEL=debug"), {
      kind: "logger",
      program: "/bin/log",
      args: ["id", "a/b", "flag", ""],
      env: { LEVEL: "debug" },
      ready: "closing",
    });
  });

  it("of containerd 2.3's form asks a byte of the logger that says it is ready", () => {
    const logger = { kind: "logger", program: "/bin/log", args: ["id", "a"], env: {}, ready: "byte" } as const;
    assert.deepEqual(parse("binary-v2:///bin/log?id=a"), logger);
  });

  it("is refused when relative, malformed or of a scheme we do not speak", () => {
    assert.throws(() => parse("log.txt"), InvalidRequest);
    assert.throws(() => parse("fifo://"), InvalidRequest);
    assert.throws(() => parse("/a\0b"), InvalidRequest);
    assert.throws(() => parse("file:///a%ZZ"), InvalidRequest);
    assert.throws(() => parse("ttrpc+unix:///run/s?streaming_id=x"), Unsupported);
  });
});
