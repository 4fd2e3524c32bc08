// What a TDVF measures into RTMR 0 to 3 when it boots a UKI given by `-kernel`, as far as files determine it.
// Register of each PCR: 1 and 7 -> RTMR0, 2 to 6 -> RTMR1, 8 to 15 -> RTMR2 (edk2 OvmfPkg/IntelTdx,
// TdxMeasurementCommon.c). ACPI tables are QEMU's and not in any file: their events are inputs (acpi-tables.ts).
import { createHash } from "node:crypto";
import { InvalidRequest } from "../../lib/errors.ts";
import { parseVariableStore, type StoredVariable } from "../ovmf-variables.ts";
import { guidBytes, MalformedInput } from "../reader.ts";
import { pcr7Steps, SECURE_BOOT_ABSENT, type SecureBootVariables } from "../uki/pcr7.ts";
import type { MeasuredStep } from "../uki/pcr11.ts";
import { measureSections } from "../uki/pcr11.ts";
import { pcr4Steps, pcr9Steps } from "../uki/predict-pcrs.ts";
import type { Uki } from "../uki/uki.ts";
import type { AcpiEvent } from "./acpi-tables.ts";
import { renderTdHob } from "./td-hob.ts";
import type { TdvfSection } from "./tdvf.ts";

export type RtmrIndex = 0 | 1 | 2 | 3;

export interface RtmrEvent {
  readonly rtmr: RtmrIndex;
  /** what an event log calls it; events of one key happen in this order */
  readonly key: string;
  readonly what: string;
  /** option that decides the digest */
  readonly setting: string;
  /** SHA-384; undefined when no input determines it */
  readonly digest: Uint8Array | undefined;
}

export interface TdxBootInputs {
  readonly sections: readonly TdvfSection[];
  /** memory of the guest; without it RTMR0 is not determined */
  readonly memoryMiB?: number;
  /** loader, RSDP and tables of a TD without further ACPI blobs */
  readonly acpi?: readonly AcpiEvent[];
  readonly uki?: Uki;
  /** register of the separator before the kernel: builds differ, HW logs show both */
  readonly separator?: 0 | 1;
}

const ACTION_EXIT = "Exit Boot Services Invocation";
const ACTION_EXITED = "Exit Boot Services Returned with Success";

/** The events in order; those that nothing determines have no digest. */
export function predictRtmrEvents(inputs: TdxBootInputs): readonly RtmrEvent[] {
  return [...firmwareEvents(inputs), ...bootVariableEvents(), ...kernelEvents(inputs)];
}

/** Keys under which logs record things, shared with the reader of logs. */
export const eventKeys = {
  tdHob: "TD HOB",
  cfv: "configuration volume",
  acpi: "ACPI data",
  application: "application",
  separator: "separator",
  loadOptions: "Linux load options",
  initrd: "Linux initrd",
  variable: (name: string): string => `variable ${name}`,
  action: (text: string): string => `action ${text}`,
  section: (name: string): string => `section ${name}`,
} as const;

function firmwareEvents({ sections, memoryMiB, acpi }: TdxBootInputs): RtmrEvent[] {
  const volume = sections.find(({ type }) => type === "CFV")?.data;
  const hob = memoryMiB === undefined ? undefined : sha384(renderTdHob(sections, memoryMiB));
  const ovmf = { rtmr: 0, setting: "--ovmf" } as const;
  const events: RtmrEvent[] = [
    { rtmr: 0, setting: "--memory", key: eventKeys.tdHob, what: "TD HOB", digest: hob },
    { ...ovmf, key: eventKeys.cfv, what: "configuration volume", digest: volume && sha384(volume) },
  ];
  const variables = enrolledVariables(volume);
  for (const { what, digest } of pcr7Steps(variables ?? SECURE_BOOT_ABSENT, "sha384")) {
    const isKnown = variables !== undefined || what === eventKeys.separator;
    events.push({ ...ovmf, key: what, what, digest: isKnown ? digest : undefined });
  }
  for (const { what, digest } of acpi ?? unknownAcpi) {
    if (digest && digest.length !== 48) throw new InvalidRequest("acpi", "digests have 48 bytes (SHA-384)");
    events.push({ rtmr: 0, setting: "--acpi", key: eventKeys.acpi, what, digest });
  }
  return events;
}

const unknownAcpi: readonly { readonly what: string; readonly digest: undefined }[] = [
  "ACPI table loader",
  "ACPI RSDP",
  "ACPI tables",
].map((what) => ({ what, digest: undefined }));

/** Secure Boot variables as shipped in the firmware file; undefined where it ships no store that we can read. */
function enrolledVariables(volume: Uint8Array | undefined): SecureBootVariables | undefined {
  const list = volume && storedVariables(volume);
  if (!list) return undefined;
  const stored = new Map(list.map(({ name, data }) => [name, data]));
  const value = (name: string): Uint8Array => stored.get(name) ?? new Uint8Array();
  const keys = { PK: value("PK"), KEK: value("KEK"), db: value("db"), dbx: value("dbx") };
  if (keys.PK.length === 0) return { ...SECURE_BOOT_ABSENT, ...keys };
  const enabled = stored.get("SecureBootEnable")?.[0] ?? 1;
  return { SecureBoot: Buffer.from([enabled]), ...keys };
}

function storedVariables(volume: Uint8Array): readonly StoredVariable[] | undefined {
  try {
    return parseVariableStore(volume);
  } catch (error) {
    if (error instanceof MalformedInput) return undefined;
    throw error;
  }
}

/** With `-kernel` the only boot option is the firmware's own menu (edk2 before 202505). */
function bootVariableEvents(): RtmrEvent[] {
  const variables = { BootOrder: Buffer.alloc(2), Boot0000: uiAppOption() };
  return Object.entries(variables).map(([name, data]) => {
    const key = eventKeys.variable(name);
    return { rtmr: 0, setting: "--ovmf", key, what: key, digest: sha384(data) };
  });
}

/** EFI_LOAD_OPTION of the menu: UEFI 2.10, 3.1.3; device path of a file in a firmware volume, PI 1.8 volume 2. */
function uiAppOption(): Buffer {
  const node = (type: number, guid: string): Buffer => Buffer.concat([Buffer.from([4, type, 20, 0]), guidBytes(guid)]);
  const path = Buffer.concat([
    node(7, "7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1"), // volume: edk2 DXEFV
    node(6, "462caa21-7614-4503-836e-8ab6f4662331"), // file: UiApp
    Buffer.from([0x7f, 0xff, 4, 0]),
  ]);
  const head = Buffer.alloc(6);
  head.writeUInt32LE(0x109, 0); // active, hidden, application
  head.writeUInt16LE(path.length, 4);
  return Buffer.concat([head, Buffer.from("UiApp\0", "utf16le"), path]);
}

function kernelEvents({ uki, separator = 1 }: TdxBootInputs): RtmrEvent[] {
  const setting = "--uki";
  if (!uki) {
    const key = eventKeys.application;
    return [
      { rtmr: 1, setting, key, what: "application (kernel or UKI)", digest: undefined },
      { rtmr: 2, setting, key: eventKeys.section(".linux"), what: "sections of the UKI", digest: undefined },
    ];
  }
  const events: RtmrEvent[] = [];
  for (const step of pcr4Steps(uki, "sha384", "direct")) {
    const rtmr = step.what === eventKeys.separator ? separator : 1;
    events.push({ rtmr, setting, key: keyOfImageStep(step), what: step.what, digest: step.digest });
  }
  for (const { what, digest } of measureSections(uki.sections, "sha384")) {
    const name = what.slice(what.indexOf("."));
    events.push({ rtmr: 2, setting, key: eventKeys.section(name), what, digest });
  }
  const linux = pcr9Steps(uki, "sha384");
  const steps = "unknown" in linux ? [] : linux.steps;
  for (const [index, key] of [eventKeys.loadOptions, eventKeys.initrd].entries()) {
    events.push({ rtmr: 2, setting, key, what: key, digest: steps[index]?.digest });
  }
  for (const text of [ACTION_EXIT, ACTION_EXITED]) {
    const key = eventKeys.action(text);
    events.push({ rtmr: 1, setting: "(constant)", key, what: key, digest: sha384(Buffer.from(text, "latin1")) });
  }
  return events;
}

function keyOfImageStep({ what }: MeasuredStep): string {
  if (what === eventKeys.separator) return what;
  const action = /^action "(.*)"$/.exec(what)?.[1];
  return action === undefined ? eventKeys.application : eventKeys.action(action);
}

function sha384(bytes: Uint8Array): Buffer {
  return createHash("sha384").update(bytes).digest();
}
