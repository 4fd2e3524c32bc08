import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { describe, it } from "mocha";
import protobuf from "protobufjs";
import { TaskExit } from "../../../src/wire/gen/containerd/events.ts";
import { UpdateTaskRequest } from "../../../src/wire/gen/containerd/task.ts";
import { LinuxMemory, LinuxSyscall, POSIXRlimit } from "../../../src/wire/gen/kata/oci.ts";
import type { MessageType } from "../../../src/wire/message.ts";

const top = join(import.meta.dirname, "../../..");
const protoDir = join(top, "protos");
const protoFiles = readdirSync(protoDir, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".proto"));

/** protobufjs' own reflection, a codec that shares no code with the generated one. */
function reflection(): protobuf.Root {
  const root = new protobuf.Root();
  for (const file of protoFiles) protobuf.parse(readFileSync(join(protoDir, file), "utf8"), root, { keepCase: true });
  root.resolveAll();
  return root;
}

async function generatedTypes(): Promise<MessageType<unknown>[]> {
  const modules = protoFiles.map((f) => pathToFileURL(join(top, "src/wire/gen", f.replace(/proto$/, "ts"))).href);
  const exported = await Promise.all(modules.map(async (url) => Object.values((await import(url)) as object)));
  return exported.flat().filter((value): value is MessageType<unknown> => typeof value?.typeName === "string");
}

const samples: Readonly<Record<string, (n: number) => unknown>> = {
  string: (n) => `text ${n} ü`,
  bytes: (n) => Buffer.from([n & 255, 0, 255]),
  bool: () => true,
  int32: (n) => (n % 2 ? -n : n),
  uint32: (n) => 2 ** 32 - 1 - n,
  int64: (n) => (n % 2 ? -(2n ** 63n) + BigInt(n) : 2n ** 63n - 1n - BigInt(n)),
  uint64: (n) => 2n ** 64n - 1n - BigInt(n),
  double: (n) => n / 3,
};

/** A message with every field set, both as our codec takes it and as the reflection does. */
function sample(type: protobuf.Type, seed: { n: number }): { ours: object; theirs: object } {
  const ours: Record<string, unknown> = {};
  const theirs: Record<string, unknown> = {};
  for (const field of type.fieldsArray) {
    const one = () => {
      seed.n += 1;
      if (field.resolvedType instanceof protobuf.Type) return sample(field.resolvedType, seed);
      const value = field.resolvedType instanceof protobuf.Enum ? 1 : samples[field.type]?.(seed.n);
      return { ours: value, theirs: typeof value === "bigint" ? value.toString() : value };
    };
    const [a, b] = [one(), one()];
    const pack = (side: "ours" | "theirs") =>
      field.map ? { k1: a[side], k2: b[side] } : field.repeated ? [a[side], b[side]] : a[side];
    ours[field.name] = pack("ours");
    theirs[field.name] = pack("theirs");
  }
  return { ours, theirs };
}

describe("a generated message", () => {
  it("with every field set is encoded and decoded as protobufjs' reflection does, whatever its type", async () => {
    const root = reflection();
    const types = await generatedTypes();
    assert.ok(types.length > 150, `${types.length} types`);
    for (const type of types) {
      const reference = root.lookupType(type.typeName);
      const { ours, theirs } = sample(reference, { n: 0 });
      const bytes = type.encode(ours);
      const expected = reference.encode(reference.fromObject(theirs)).finish();
      assert.equal(Buffer.from(bytes).toString("hex"), Buffer.from(expected).toString("hex"), type.typeName);
      assert.deepEqual(type.encode(type.decode(expected) as never), bytes, type.typeName);
    }
  });

  it("skips fields it does not know", () => {
    const known = POSIXRlimit.encode({ Type: "RLIMIT_NOFILE" });
    const unknown = Buffer.from("a20602686b" + "a80601" + "b5060000803f" + "b9060000000000000000", "hex");
    assert.equal(POSIXRlimit.decode(Buffer.concat([unknown, known, unknown])).Type, "RLIMIT_NOFILE");
  });

  it("fills in defaults and leaves absent messages and optional fields undefined", () => {
    assert.deepEqual(LinuxSyscall.create({}), { Names: [], Action: "", Args: [] });
    assert.equal(LinuxSyscall.create({ errnoret: 0 }).errnoret, 0);
    assert.equal(Buffer.from(LinuxSyscall.encode({ errnoret: 0 })).toString("hex"), "1800");
    assert.equal(TaskExit.decode(new Uint8Array(0)).exited_at, undefined);
  });

  it("keeps a map key named __proto__ as data", () => {
    const entry = Buffer.from("1a0e0a095f5f70726f746f5f5f120178", "hex");
    const { annotations } = UpdateTaskRequest.decode(entry);
    assert.deepEqual(Object.entries(annotations), [["__proto__", "x"]]);
    assert.equal(Object.getPrototypeOf(annotations), Object.prototype);
  });

  it("cut short anywhere throws or decodes a prefix, and never reads past the end", () => {
    const bytes = TaskExit.encode({ container_id: "c", id: "x", exited_at: { seconds: 5n, nanos: 7 }, pid: 300 });
    for (let length = 0; length < bytes.length; length += 1) {
      const guarded = Buffer.concat([bytes.subarray(0, length), Buffer.alloc(64, 1)]).subarray(0, length);
      try {
        assert.ok(TaskExit.encode(TaskExit.decode(guarded)).length <= length);
      } catch (error) {
        assert.ok(error instanceof RangeError || error instanceof Error);
        assert.doesNotMatch(String(error), /AssertionError/);
      }
    }
  });
});

describe("64-bit fields", () => {
  // varint bytes from the protobuf encoding guide: ten bytes for negative numbers and for 2^64-1
  it("keep RLIMIT_INFINITY and the int64 limits", () => {
    const infinity = 18446744073709551615n;
    assert.equal(Buffer.from(POSIXRlimit.encode({ Hard: infinity })).toString("hex"), "10ffffffffffffffffff01");
    assert.equal(POSIXRlimit.decode(Buffer.from("10ffffffffffffffffff01", "hex")).Hard, infinity);
    assert.equal(Buffer.from(LinuxMemory.encode({ Limit: -(2n ** 63n) })).toString("hex"), "0880808080808080808001");
    assert.equal(Buffer.from(LinuxMemory.encode({ Limit: 2n ** 63n - 1n })).toString("hex"), "08ffffffffffffffff7f");
    for (const Limit of [0n, 1n, -1n, 2n ** 31n, -(2n ** 31n), 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)])
      assert.equal(LinuxMemory.decode(LinuxMemory.encode({ Limit })).Limit, Limit);
  });

  it("take numbers too", () => {
    assert.deepEqual(LinuxMemory.encode({ Limit: -5 }), LinuxMemory.encode({ Limit: -5n }));
  });

  it("survive an esbuild bundle for CommonJS", async () => {
    const source = `
      import { LinuxMemory, POSIXRlimit } from "./src/wire/gen/kata/oci.ts";
      const hard = POSIXRlimit.decode(POSIXRlimit.encode({ Hard: 2n ** 64n - 1n })).Hard;
      const low = LinuxMemory.decode(LinuxMemory.encode({ Limit: -(2n ** 63n) })).Limit;
      const high = LinuxMemory.decode(LinuxMemory.encode({ Limit: 2n ** 63n - 1n })).Limit;
      console.log([hard, low, high].join(" "));`;
    const stdin = { contents: source, resolveDir: top, loader: "ts" as const };
    const options = { bundle: true, format: "cjs", platform: "node", write: false } as const;
    for (const external of [[], ["long"]]) {
      const { outputFiles } = await build({ stdin, ...options, external });
      const printed = execFileSync(process.execPath, ["-"], {
        input: outputFiles[0]?.text ?? "",
        cwd: "/",
        encoding: "utf8",
      });
      assert.equal(printed.trim(), "18446744073709551615 -9223372036854775808 9223372036854775807");
    }
  });
});
