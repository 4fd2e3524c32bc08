// A real QEMU as judge of argv and QMP steps: its own schema says which commands, objects, devices and
// machine properties exist and of which types. One short-lived process; asking is then plain lookup.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { QmpStep } from "../../src/plan/qmp-steps.ts";

interface SchemaEntry {
  readonly name: string;
  readonly "meta-type": string;
  readonly "arg-type"?: string;
  readonly "json-type"?: string;
  readonly "element-type"?: string;
  readonly values?: readonly string[];
  readonly members?: readonly { name?: string; type: string; default?: unknown }[];
  readonly tag?: string;
  readonly variants?: readonly { case: string; type: string }[];
}

type Properties = Readonly<Record<string, unknown>>;

export interface QemuJudge {
  readonly version: string;
  readonly objects: ReadonlySet<string>;
  /** every complaint about a whole launch; none is a verdict of "fine" */
  judge(argv: readonly string[], steps: readonly QmpStep[]): string[];
}

export async function openQemuJudge(qemu: string): Promise<QemuJudge> {
  const facts = await interview(qemu);
  const schema = new Map(facts.schema.map((entry) => [entry.name, entry]));
  const judgeValue = (type: string, value: unknown, at: string): string[] => check(schema, type, value, at);
  const judgeDevice = (properties: Properties): string[] => {
    const known = facts.devices.get(String(properties["driver"]));
    if (known === undefined) return [`device ${properties["driver"]} is unknown`];
    return Object.keys(properties)
      .filter((name) => !known.has(name) && !["driver", "id", "bus"].includes(name))
      .map((name) => `device ${properties["driver"]} has no property ${name}`);
  };
  const judgeStep = ({ execute, arguments: args = {} }: QmpStep): string[] => {
    if (execute === "device_add") return judgeDevice(args);
    const command = schema.get(execute);
    if (command?.["meta-type"] !== "command") return [`command ${execute} is unknown`];
    return judgeValue(command["arg-type"] ?? "", args, execute);
  };
  const judgeOption = (option: string, value: string): string[] => {
    if (option === "-device") return judgeDevice(JSON.parse(value) as Properties);
    if (option === "-object") return judgeValue(schema.get("object-add")?.["arg-type"] ?? "", objectOf(value), value);
    if (option !== "-machine") return [];
    const names = value
      .split(",")
      .slice(1)
      .map((pair) => pair.split("=")[0] ?? "");
    return names.filter((name) => !facts.machine.has(name)).map((name) => `the machine has no property ${name}`);
  };
  return {
    version: facts.version,
    objects: facts.objects,
    judge: (argv, steps) => [
      ...argv.flatMap((option, i) => judgeOption(option, argv[i + 1] ?? "")),
      ...steps.flatMap(judgeStep),
    ],
  };
}

/** Every driver that a plan may name. */
const drivers = [
  "pcie-root-port",
  "virtio-scsi-pci",
  "virtio-blk-pci",
  "virtio-net-pci",
  "vhost-vsock-pci",
  "vhost-user-vsock-pci",
  "scsi-hd",
  "isa-serial",
  "tpm-crb",
  "virtio-mem-pci",
];

async function interview(qemu: string) {
  const child = spawn(qemu, ["-machine", "none", "-nodefaults", "-display", "none", "-qmp", "stdio"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async <T>(execute: string, args: Properties = {}): Promise<T> => {
    child.stdin.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    for (;;) {
      const line = await lines.next();
      if (line.done === true) throw new Error(`${qemu} ended while asked for ${execute}`);
      const message = JSON.parse(line.value) as { return?: T; error?: { desc: string }; event?: string };
      if (message.error !== undefined) throw new Error(`${execute}: ${message.error.desc}`);
      if (message.return !== undefined) return message.return;
    }
  };
  try {
    await ask("qmp_capabilities");
    const { qemu: v } = await ask<{ qemu: { major: number; minor: number; micro: number } }>("query-version");
    const schema = await ask<readonly SchemaEntry[]>("query-qmp-schema");
    const objects = await ask<readonly { name: string }[]>("qom-list-types", { implements: "user-creatable" });
    const machines = await ask<readonly { name: string; alias?: string }[]>("query-machines");
    const q35 = machines.find(({ alias }) => alias === "q35")?.name ?? "q35";
    const machine = await ask<readonly { name: string }[]>("qom-list-properties", { typename: `${q35}-machine` });
    const devices = new Map<string, ReadonlySet<string>>();
    for (const typename of drivers) {
      const properties = await ask<readonly { name: string }[]>("device-list-properties", { typename });
      devices.set(typename, new Set(properties.map(({ name }) => name)));
    }
    return {
      version: `${v.major}.${v.minor}.${v.micro}`,
      schema,
      objects: new Set(objects.map(({ name }) => name)),
      // These two belong to the accelerator; QEMU takes them on -machine for convenience.
      machine: new Set([...machine.map(({ name }) => name), "accel", "kernel-irqchip"]),
      devices,
    };
  } finally {
    child.stdin.end(`${JSON.stringify({ execute: "quit" })}\n`);
  }
}

/** `-object` takes JSON or `type,name=value`; values of the latter get the type that their spelling suggests. */
function objectOf(text: string): Properties {
  if (text.startsWith("{")) return JSON.parse(text) as Properties;
  const [type, ...pairs] = text.split(",");
  const typed = (value: string): unknown =>
    /^(0x[0-9a-f]+|\d+)$/i.test(value) ? Number(value) : value === "on" ? true : value === "off" ? false : value;
  const entries = pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), typed(pair.slice(pair.indexOf("=") + 1))]);
  return { "qom-type": type, ...Object.fromEntries(entries) };
}

function check(schema: ReadonlyMap<string, SchemaEntry>, type: string, value: unknown, at: string): string[] {
  const entry = schema.get(type);
  switch (entry?.["meta-type"]) {
    case "object":
      return checkObject(schema, entry, value as Properties, at);
    case "array":
      if (!Array.isArray(value)) return [`${at}: not an array`];
      return value.flatMap((item, i) => check(schema, entry["element-type"] ?? "", item, `${at}[${i}]`));
    case "enum": {
      const values = entry.values ?? entry.members?.map(({ name }) => name ?? "") ?? [];
      return values.includes(String(value)) ? [] : [`${at}: ${JSON.stringify(value)} is none of ${values.join(", ")}`];
    }
    case "alternate": {
      const tries = (entry.members ?? []).map((member) => check(schema, member.type, value, at));
      return tries.some((complaints) => complaints.length === 0) ? [] : (tries[0] ?? [`${at}: fits nothing`]);
    }
    case "builtin":
      return fits(entry["json-type"] ?? "", value) ? [] : [`${at}: ${JSON.stringify(value)} is no ${entry.name}`];
    default:
      return [`${at}: type ${type} is unknown`];
  }
}

function checkObject(
  schema: ReadonlyMap<string, SchemaEntry>,
  entry: SchemaEntry,
  value: Properties,
  at: string,
): string[] {
  if (typeof value !== "object" || value === null) return [`${at}: not an object`];
  const variant = entry.variants?.find((one) => one.case === value[entry.tag ?? ""]);
  const more = variant === undefined ? [] : (schema.get(variant.type)?.members ?? []);
  const members = new Map([...(entry.members ?? []), ...more].map((member) => [member.name ?? "", member]));
  const missing = [...members.values()].filter((m) => !("default" in m) && value[m.name ?? ""] === undefined);
  return [
    ...missing.map((member) => `${at}: ${member.name} is missing`),
    ...Object.entries(value).flatMap(([name, item]) => {
      const member = members.get(name);
      return member === undefined ? [`${at}: ${name} is unknown`] : check(schema, member.type, item, `${at}.${name}`);
    }),
  ];
}

function fits(jsonType: string, value: unknown): boolean {
  if (jsonType === "value") return true;
  if (jsonType === "int") return Number.isInteger(value);
  return typeof value === jsonType;
}
