// `kata-cvm eventlog replay`: the registers that an event log leads to, and what it says happened.
import { InvalidRequest } from "../lib/errors.ts";
import { explainEvent } from "../measure/eventlog/event-meaning.ts";
import { eventTypeName } from "../measure/eventlog/event-types.ts";
import { replayPcrs, replayRtmrs } from "../measure/eventlog/replay.ts";
import { parseTcgLog, type TcgEvent, type TcgLog } from "../measure/eventlog/tcg-log.ts";
import { explainsDigests, parseUserspaceLog, replayUserspaceLog } from "../measure/eventlog/userspace-log.ts";
import { toHex } from "../measure/hex.ts";
import { defineCommand } from "./command.ts";
import { readInput } from "./read-input.ts";

export const eventlogReplayCommand = defineCommand({
  command: "eventlog replay",
  describe: "registers after a firmware event log, and its events in words",
  options: {
    file: { type: "string", describe: "CCEL data, or binary_bios_measurements of a TPM", demandOption: true },
    format: { type: "string", describe: "default: ccel when every digest is SHA-384", choices: ["ccel", "tcg2"] },
    userspace: { type: "string", describe: "systemd's tpm2-measure.log, replayed after a TPM log" },
  },
  async run({ file, format, userspace }) {
    const log = parseTcgLog(await readInput("--file", file));
    const isCcel = (format ?? guessFormat(log)) === "ccel";
    if (isCcel && userspace !== undefined) throw new InvalidRequest("--userspace", "belongs to a TPM log");
    const records = userspace === undefined ? [] : parseUserspaceLog(await readInput("--userspace", userspace));
    const events = log.events.map(renderEvent);
    const registers = isCcel ? { rtmr: replayRtmrs(log).map(toHex) } : { pcrs: replayBanks(log, records) };
    const json = { format: isCcel ? "ccel" : "tcg2", banks: log.banks, ...registers, events };
    const isTrue =
      events.every(({ explained }) => explained !== false) && records.every((one) => explainsDigests(one) !== false);
    const text = [
      ...events.map(
        (event) =>
          `${String(event.index).padStart(2)} ${event.type} ${event.text}${event.explained === false ? ANOTHER : ""}`,
      ),
      ...records.map(
        (record) =>
          `${String(record.pcr).padStart(2)} ${record.eventType} ${record.text}${explainsDigests(record) === false ? ANOTHER : ""}`,
      ),
      ...registerLines(registers),
    ].join("\n");
    return { json, text, exitCode: isTrue ? 0 : 1 };
  },
});

const ANOTHER = "  (its digest is another)";

/** A CCEL is SHA-384 alone and numbers its registers 1 to 4. */
function guessFormat({ banks, events }: TcgLog): "ccel" | "tcg2" {
  return banks.join() === "sha384" && events.every(({ index }) => index <= 4) ? "ccel" : "tcg2";
}

function replayBanks(
  log: TcgLog,
  records: ReturnType<typeof parseUserspaceLog>,
): Record<string, Record<string, string>> {
  return Object.fromEntries(
    log.banks.map((bank) => {
      const values = replayUserspaceLog(records, bank, replayPcrs(log, bank));
      const sorted = [...values].sort(([a], [b]) => a - b);
      return [bank, Object.fromEntries(sorted.map(([index, value]) => [String(index), toHex(value)]))];
    }),
  );
}

function renderEvent(event: TcgEvent) {
  const { text, explained } = explainEvent(event);
  const digests = event.digests.map(({ bank, algorithmId, bytes }) => [
    bank ?? `0x${algorithmId.toString(16)}`,
    toHex(bytes),
  ]);
  return {
    offset: event.offset,
    index: event.index,
    type: eventTypeName(event.type),
    text,
    /** false: the event's data does not hash to its digest; null: it cannot be told */
    explained: explained ?? null,
    digests: Object.fromEntries(digests) as Record<string, string>,
  };
}

type Registers =
  | { readonly rtmr: readonly string[] }
  | { readonly pcrs: Readonly<Record<string, Readonly<Record<string, string>>>> };

function registerLines(registers: Registers): string[] {
  if ("rtmr" in registers) return registers.rtmr.map((value, index) => `RTMR${index}  ${value}`);
  return Object.entries(registers.pcrs).flatMap(([bank, values]) =>
    Object.entries(values).map(([index, value]) => `${bank} PCR ${index.padStart(2)}  ${value}`),
  );
}
