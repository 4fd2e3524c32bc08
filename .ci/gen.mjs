// protos/ -> src/wire/gen: for each .proto one TypeScript module with an interface and a static codec per message
// and a descriptor per service. protobufjs parses; the code stands on src/wire/message.ts.
// `--check` generates in memory and compares with what is committed.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import protobuf from "protobufjs";

const top = resolve(import.meta.dirname, "..");
const protoDir = join(top, "protos");
const outDir = join(top, "src/wire/gen");

const scalars = {
  string: { ts: "string", zero: '""', wire: 2, read: "reader.stringVerify()" },
  bytes: { ts: "Uint8Array", zero: "new Uint8Array(0)", wire: 2, read: "reader.bytes()" },
  bool: { ts: "boolean", zero: "false", wire: 0, read: "reader.bool()" },
  int32: { ts: "number", zero: "0", wire: 0, read: "reader.int32()" },
  uint32: { ts: "number", zero: "0", wire: 0, read: "reader.uint32()" },
  int64: { ts: "bigint", zero: "0n", wire: 0, read: "readInt64(reader)", needs: ["bits64", "readInt64"] },
  uint64: { ts: "bigint", zero: "0n", wire: 0, read: "readUint64(reader)", needs: ["bits64", "readUint64"] },
  double: { ts: "number", zero: "0", wire: 1, read: "reader.double()" },
};

const moduleOf = (file) => file.replace(/\.proto$/, ".ts");
const tsName = (object) => {
  const parts = [];
  for (let at = object; at instanceof protobuf.Type || at instanceof protobuf.Enum; at = at.parent) parts.unshift(at.name);
  return parts.join("_");
};

/** The scalar that a field's values are on the wire, or null for a message. */
function scalarOf(field) {
  if (field.resolvedType instanceof protobuf.Enum) return scalars.int32;
  if (field.resolvedType !== null) return null;
  const scalar = scalars[field.type];
  if (scalar === undefined) throw new Error(`${field.fullName}: type ${field.type} is not generated yet`);
  return scalar;
}

function tsType(field, names) {
  if (field.resolvedType !== null) return names.use(field.resolvedType);
  return scalarOf(field).ts;
}

/** Fields that tell "absent" from "zero": messages, `optional` ones, members of a oneof. */
const hasPresence = (field) => !field.repeated && !field.map && (field.partOf !== null || scalarOf(field) === null);

function property(field, names) {
  const type = tsType(field, names);
  if (field.map) return `${field.name}: Record<string, ${type}>;`;
  if (field.repeated) return `${field.name}: ${type}[];`;
  return hasPresence(field) ? `${field.name}?: ${type} | undefined;` : `${field.name}: ${type};`;
}

function zero(field) {
  if (field.map) return `${field.name}: {}`;
  if (field.repeated) return `${field.name}: []`;
  return hasPresence(field) ? null : `${field.name}: ${scalarOf(field).zero}`;
}

const tag = (field, wire) => (field.id << 3) | wire;

/** `.string(value)`, or for 64 bits `.uint64(bits64(value))`. */
function put(field, value, names) {
  const scalar = scalarOf(field);
  for (const helper of scalar.needs ?? []) names.helpers.add(helper);
  const method = field.resolvedType instanceof protobuf.Enum ? "int32" : field.type;
  return `.${method}(${scalar.ts === "bigint" ? `bits64(${value})` : value})`;
}

function writeStatement(field, names) {
  const at = `init.${field.name}`;
  const scalar = scalarOf(field);
  if (field.map) {
    const open = `writer.uint32(${tag(field, 2)}).fork().uint32(10).string(key)`;
    if (scalar === null) {
      names.helpers.add("writeMessage");
      return `for (const [key, value] of Object.entries(${at} ?? {})) {
      ${open};
      writeMessage(${tsType(field, names)}, value ?? {}, writer.uint32(18));
      writer.ldelim();
    }`;
    }
    const value = `value ?? ${scalar.zero}`;
    return `for (const [key, value] of Object.entries(${at} ?? {})) ${open}.uint32(${16 | scalar.wire})${put(field, value, names)}.ldelim();`;
  }
  if (scalar === null) {
    names.helpers.add("writeMessage");
    const one = (value) => `writeMessage(${tsType(field, names)}, ${value}, writer.uint32(${tag(field, 2)}));`;
    return field.repeated ? `for (const item of ${at} ?? []) ${one("item")}` : `if (${at} !== undefined) ${one(at)}`;
  }
  if (field.repeated && scalar.wire === 2)
    return `for (const item of ${at} ?? []) writer.uint32(${tag(field, 2)})${put(field, "item", names)};`;
  if (field.repeated)
    return `if (${at}?.length) {
      writer.uint32(${tag(field, 2)}).fork();
      for (const item of ${at}) writer${put(field, "item", names)};
      writer.ldelim();
    }`;
  const filled = scalar.ts === "Uint8Array" ? `${at}?.length` : at;
  return `if (${hasPresence(field) ? `${at} !== undefined` : filled}) writer.uint32(${tag(field, scalar.wire)})${put(field, at, names)};`;
}

function readCases(field, names) {
  const at = `message.${field.name}`;
  const scalar = scalarOf(field);
  for (const helper of scalar?.needs ?? []) names.helpers.add(helper);
  const read = scalar === null ? `readMessage(${tsType(field, names)}, reader)` : scalar.read;
  if (scalar === null) names.helpers.add("readMessage");
  const when = (wire, body) => `case ${tag(field, wire)}:\n        ${body}\n        return;`;
  if (field.map) {
    names.helpers.add("readEntry");
    const initial = scalar === null ? `${tsType(field, names)}.create({})` : scalar.zero;
    return [when(2, `readEntry(${at}, ${initial}, { reader, value: () => ${read} });`)];
  }
  if (!field.repeated) return [when(scalar?.wire ?? 2, `${at} = ${read};`)];
  const push = `${at}.push(${read})`;
  if (scalar === null || scalar.wire === 2) return [when(2, `${push};`)];
  names.helpers.add("readPacked");
  return [when(2, `readPacked(reader, () => ${push});`), when(scalar.wire, `${push};`)];
}

function renderMessage(type, names) {
  const name = tsName(type);
  const fields = type.fieldsArray;
  if (fields.length === 0)
    return `export type ${name} = Record<never, never>;
export const ${name}: MessageType<${name}> = message<${name}>({
  name: "${type.fullName.slice(1)}",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});`;
  return `export interface ${name} {
  ${fields.map((f) => property(f, names)).join("\n  ")}
}
export const ${name}: MessageType<${name}> = message<${name}>({
  name: "${type.fullName.slice(1)}",
  empty: () => ({ ${fields.map(zero).filter(Boolean).join(", ")} }),
  write(init, writer) {
    ${fields.map((f) => writeStatement(f, names)).join("\n    ")}
  },
  read(message, reader, tag) {
    switch (tag) {
      ${fields.flatMap((f) => readCases(f, names)).join("\n      ")}
      default:
        reader.skipType(tag & 7);
    }
  },
});`;
}

function renderEnum(type) {
  const name = tsName(type);
  const rows = Object.entries(type.values).map(([key, value]) => `${key}: ${value}`);
  return `export const ${name} = { ${rows.join(", ")} } as const;
/** Open: a newer peer may send other numbers. */
export type ${name} = number;`;
}

function renderService(service, names) {
  names.services = true;
  const row = (m) => {
    const request = names.use(m.resolvedRequestType);
    const response = names.use(m.resolvedResponseType);
    const kind = m.requestStream ? (m.responseStream ? "bidiStreaming" : "clientStreaming") : m.responseStream ? "serverStreaming" : "unary";
    return `${m.name}: { kind: "${kind}", request: ${request}, response: ${response} },`;
  };
  return `export const ${service.name} = {
  name: "${service.fullName.slice(1)}",
  methods: {
    ${service.methodsArray.map(row).join("\n    ")}
  },
} as const satisfies ServiceDescriptor;`;
}

function objectsOf(root, file) {
  const found = { types: [], enums: [], services: [] };
  const visit = (parent) => {
    for (const child of parent.nestedArray ?? []) {
      if (child.filename === file) {
        if (child instanceof protobuf.Type) found.types.push(child);
        if (child instanceof protobuf.Enum) found.enums.push(child);
        if (child instanceof protobuf.Service) found.services.push(child);
      }
      visit(child);
    }
  };
  visit(root);
  return found;
}

function renderFile(root, file) {
  const here = moduleOf(file);
  const imports = new Map();
  const up = relative(dirname(here), ".") || ".";
  const names = {
    helpers: new Set(),
    services: false,
    use(object) {
      const name = tsName(object);
      if (object.filename !== file) {
        const other = relative(dirname(here), moduleOf(object.filename));
        const path = other.startsWith(".") ? other : `./${other}`;
        imports.set(path, (imports.get(path) ?? new Set()).add(name));
      }
      return name;
    },
  };
  const { types, enums, services } = objectsOf(root, file);
  const body = [
    ...enums.map(renderEnum),
    ...types.map((t) => renderMessage(t, names)),
    ...services.map((s) => renderService(s, names)),
  ];
  const lines = [`// Generated from protos/${file} by \`npm run gen\`; do not edit.`];
  for (const [path, used] of [...imports].sort()) lines.push(`import { ${[...used].sort().join(", ")} } from "${path}";`);
  if (types.length > 0) lines.push(`import { ${["message", "type MessageType", ...names.helpers].sort().join(", ")} } from "${up}/../message.ts";`);
  if (names.services) lines.push(`import type { ServiceDescriptor } from "${up}/../service.ts";`);
  return `${lines.join("\n")}\n\n${body.join("\n\n")}\n`;
}

/** Parses every file into one root by hand: Root.load would replace google/protobuf with protobufjs' own copies. */
function loadProtos(files) {
  const root = new protobuf.Root();
  for (const file of files) {
    protobuf.parse.filename = file;
    protobuf.parse(readFileSync(join(protoDir, file), "utf8"), root, { keepCase: true });
  }
  protobuf.parse.filename = null;
  return root.resolveAll();
}

const protoFiles = readdirSync(protoDir, { recursive: true }).filter((f) => f.endsWith(".proto")).sort();
const root = loadProtos(protoFiles);
const expected = new Map(protoFiles.map((file) => [moduleOf(file), renderFile(root, file)]));

if (process.argv.includes("--check")) {
  const present = readdirSync(outDir, { recursive: true }).filter((f) => f.endsWith(".ts"));
  const stale = [...new Set([...present, ...expected.keys()])].filter(
    (file) => !expected.has(file) || !existsSync(join(outDir, file)) || readFileSync(join(outDir, file), "utf8") !== expected.get(file),
  );
  for (const file of stale) console.error(`src/wire/gen/${file} does not match protos/; run \`npm run gen\``);
  process.exit(stale.length === 0 ? 0 : 1);
}
rmSync(outDir, { recursive: true, force: true });
for (const [file, text] of expected) {
  mkdirSync(dirname(join(outDir, file)), { recursive: true });
  writeFileSync(join(outDir, file), text);
}
