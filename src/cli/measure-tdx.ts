// `kata-cvm measure tdx`: MRTD in both orders of the field, and RTMR 0 to 3 as far as the given files
// determine them. What is missing is named; an event log of the same machine shape fills it in.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { InvalidRequest } from "../lib/errors.ts";
import { parseTcgLog } from "../measure/eventlog/tcg-log.ts";
import { toHex } from "../measure/hex.ts";
import { parseOvmf } from "../measure/ovmf.ts";
import { type AcpiEvent, acpiEvents, allocatedBlobs, TABLE_LOADER } from "../measure/tdx/acpi-tables.ts";
import { measureMrtd } from "../measure/tdx/mrtd.ts";
import { type RtmrPrediction, reconcileWithLog, replayRtmrEvents } from "../measure/tdx/rtmr.ts";
import { predictRtmrEvents, type RtmrEvent, type TdxBootInputs } from "../measure/tdx/rtmr-events.ts";
import { parseTdvf, type TdvfSection } from "../measure/tdx/tdvf.ts";
import type { Trail } from "../measure/trail.ts";
import { parseUki } from "../measure/uki/uki.ts";
import type { ArgsOf, CommandOptions } from "./command.ts";
import { defineKind, measureCommand, settingsOf } from "./measured.ts";
import { readInput } from "./read-input.ts";

const options = {
  ovmf: { type: "string", describe: "the TDVF file, as given to -bios", demandOption: true },
  memory: { type: "number", describe: "guest memory in MiB (moves RTMR0)" },
  uki: { type: "string", describe: "the UKI given to -kernel" },
  acpi: { type: "string", describe: "SHA-384 of ACPI loader, RSDP and tables, joined by commas" },
  "acpi-tables": { type: "string", describe: "folder with fw_cfg's etc/table-loader and what it names" },
  separator: {
    type: "string",
    describe: "register of the separator before the kernel: builds differ",
    choices: ["rtmr0", "rtmr1"],
    default: "rtmr1",
  },
  eventlog: { type: "string", describe: "CCEL of a machine of the same shape" },
} as const satisfies CommandOptions;
type Args = ArgsOf<typeof options>;

export const tdxKind = defineKind({
  name: "tdx",
  describe: "MRTD and RTMRs of a TDX guest with a TDVF",
  options,
  async measure(args) {
    const sections = parseTdvf(parseOvmf(await readInput("--ovmf", args.ovmf)));
    const single = measureMrtd(sections, "singlePass");
    const two = measureMrtd(sections, "twoPass");
    const predicted = predictRtmrEvents(await bootInputs(args, sections));
    const { events, disagreements, absent } = await withLog(args, predicted);
    const registers = replayRtmrEvents(events);
    const json = {
      kind: "tdx",
      mrtd: { singlePass: toHex(single.mrtd), twoPass: toHex(two.mrtd) },
      rtmr: registers.map(({ trail }) => trail?.value ?? null),
      missing: registers.map(({ missing }) => missing),
      events: events.map(renderEvent),
      disagreements,
      absent,
    };
    const rtmrTrails = registers.flatMap(({ trail }) => (trail ? [trail] : []));
    const trails: readonly Trail[] = [single.trail, two.trail, ...rtmrTrails];
    return { json, text: renderText(json.mrtd, registers, disagreements), trails, settings: settingsOf(args, options) };
  },
});

export const measureTdxCommand = measureCommand(tdxKind);

async function bootInputs(args: Args, sections: readonly TdvfSection[]): Promise<TdxBootInputs> {
  return {
    sections,
    separator: args.separator === "rtmr0" ? 0 : 1,
    ...(args.memory === undefined ? {} : { memoryMiB: args.memory }),
    ...(await acpiOf(args)),
    ...(args.uki === undefined ? {} : { uki: parseUki(await readInput("--uki", args.uki)) }),
  };
}

async function withLog(args: Args, predicted: readonly RtmrEvent[]): Promise<ReturnType<typeof reconcileWithLog>> {
  if (args.eventlog === undefined) return { events: predicted, disagreements: [], absent: [] };
  return reconcileWithLog(predicted, parseTcgLog(await readInput("--eventlog", args.eventlog)));
}

async function acpiOf(args: Args): Promise<{ acpi?: readonly AcpiEvent[] }> {
  const folder = args["acpi-tables"];
  if (folder === undefined) return args.acpi === undefined ? {} : { acpi: parseAcpi(args.acpi) };
  if (args.acpi !== undefined) throw new InvalidRequest("--acpi-tables", "leaves nothing for --acpi");
  const loader = await readBlob(folder, TABLE_LOADER);
  const blobs = new Map<string, Buffer>();
  for (const name of allocatedBlobs(loader)) blobs.set(name, await readBlob(folder, name));
  return { acpi: acpiEvents(loader, blobs) };
}

/** As files of these names, or as the kernel's qemu_fw_cfg shows them: `by_name/etc/acpi/tables/raw`. */
async function readBlob(folder: string, name: string): Promise<Buffer> {
  const path = join(folder, name);
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return await readInput("--acpi-tables", isFolder ? join(path, "raw") : path);
}

function parseAcpi(text: string): readonly AcpiEvent[] {
  const digests = text.split(",").map((part) => Buffer.from(part.trim(), "hex"));
  const names = ["ACPI table loader", "ACPI RSDP", "ACPI tables"];
  if (digests.length !== names.length) throw new InvalidRequest("--acpi", "needs three digests joined by commas");
  return digests.map((digest, index) => ({ what: names[index] ?? "", digest }));
}

function renderEvent({ rtmr, what, setting, digest }: RtmrEvent) {
  return { rtmr, what, from: setting, digest: digest ? toHex(digest) : null };
}

function renderText(
  mrtd: { singlePass: string; twoPass: string },
  registers: readonly RtmrPrediction[],
  disagreements: ReturnType<typeof reconcileWithLog>["disagreements"],
): string {
  const lines = [`MRTD   ${mrtd.singlePass}  (single pass)`, `MRTD   ${mrtd.twoPass}  (two pass)`];
  for (const [index, { trail, missing }] of registers.entries()) {
    lines.push(`RTMR${index}  ${trail?.value ?? `not determined; missing: ${missing.join(", ")}`}`);
  }
  for (const { what, computed, logged } of disagreements) {
    lines.push(`the log disagrees on ${what}: computed ${computed}, logged ${logged}`);
  }
  return lines.join("\n");
}
