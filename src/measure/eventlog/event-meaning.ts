// Says in words what an event recorded, and whether its data explains its digest. Data that is only
// a name or a load address cannot: such digests are compared with reference values instead.
// Event data layouts: TCG PC Client Platform Firmware Profile §10.4 and §3.3.4.
import { trimNuls } from "../hex.ts";
import { ByteReader, guidText, MalformedInput } from "../reader.ts";
import { digestOf } from "../tpm/pcr.ts";
import {
  EV_ACTION,
  EV_EFI_ACTION,
  EV_EFI_VARIABLE_AUTHORITY,
  EV_EFI_VARIABLE_BOOT,
  EV_EFI_VARIABLE_BOOT2,
  EV_EFI_VARIABLE_DRIVER_CONFIG,
  EV_EVENT_TAG,
  EV_IPL,
  EV_SEPARATOR,
} from "./event-types.ts";
import type { TcgEvent } from "./tcg-log.ts";

export interface EventMeaning {
  /** for a reader; never longer than a line */
  readonly text: string;
  /** true: every known digest is the hash of the data; false: it is not; undefined: data does not determine it */
  readonly explained: boolean | undefined;
}

/** Tags of EV_EVENT_TAG: Linux drivers/firmware/efi/libstub, systemd src/boot/measure.h, CoCo attestation agent. */
const TAGS = new Map<number, string>([
  [0x8f3b22ec, "Linux initrd"],
  [0x8f3b22ed, "Linux load options"],
  [0xf5bc582a, "systemd loader.conf"],
  [0x6c46f751, "systemd device tree addon"],
  [0x49dffe0f, "systemd initrd addon"],
  [0xdac08e1a, "systemd microcode addon"],
  [0x13aed6db, "systemd UKI profile"],
  [0x4141454c, "attestation agent event"],
]);

const HASHED_DATA = new Set([EV_SEPARATOR, EV_ACTION, EV_EFI_ACTION, EV_EFI_VARIABLE_DRIVER_CONFIG]);
const VARIABLES = new Set([
  EV_EFI_VARIABLE_DRIVER_CONFIG,
  EV_EFI_VARIABLE_BOOT,
  EV_EFI_VARIABLE_BOOT2,
  EV_EFI_VARIABLE_AUTHORITY,
]);

export function explainEvent(event: TcgEvent): EventMeaning {
  if (HASHED_DATA.has(event.type)) return { text: describe(event), explained: explains(event, event.data) };
  if (event.type === EV_IPL) return explainIpl(event);
  return { text: describe(event), explained: undefined };
}

/** systemd-stub logs a section twice with the same UTF-16 text: for its name, then its content. GRUB logs ASCII. */
function explainIpl(event: TcgEvent): EventMeaning {
  const name = event.data[1] === 0 ? utf16(event.data) : longestText(event.data);
  if (!name.startsWith(".")) return { text: name, explained: undefined };
  const isName = explains(event, Buffer.from(`${name}\0`, "latin1"));
  return { text: isName ? `name ${name}` : `content ${name}`, explained: isName || undefined };
}

function explains(event: TcgEvent, data: Uint8Array): boolean {
  return event.digests.every(({ bank, bytes }) => bank === undefined || digestOf(bank, data).equals(bytes));
}

function describe(event: TcgEvent): string {
  if (event.type === EV_SEPARATOR) return "separator";
  if (event.type === EV_EVENT_TAG) return tagText(event.data);
  if (VARIABLES.has(event.type)) return variableText(event.data);
  return longestText(event.data);
}

/** The longest run of printable text, in either width: descriptions and file paths inside binary structures. */
function longestText(data: Uint8Array): string {
  const raw = Buffer.from(data.subarray(0, 4096)).toString("latin1");
  const wide = (raw.match(/(?:[\x20-\x7e]\0){3,}/g) ?? []).map((run) => run.replaceAll("\0", ""));
  const narrow = raw.match(/[\x20-\x7e]{3,}/g) ?? [];
  return [...narrow, ...wide].reduce((best, run) => (run.length > best.length ? run : best), "").slice(0, 120);
}

function tagText(data: Uint8Array): string {
  if (data.length < 4) return "";
  const tag = new ByteReader(data, "event data").u32le();
  return TAGS.get(tag) ?? `tag 0x${tag.toString(16)}`;
}

function variableText(data: Uint8Array): string {
  try {
    const reader = new ByteReader(data, "event data");
    const vendor = guidText(reader.bytes(16));
    const length = reader.size64le();
    const name = utf16(reader.skip(8).bytes(length * 2));
    return `variable ${name} of ${vendor}`;
  } catch (error) {
    if (error instanceof MalformedInput) return "a variable whose data is malformed";
    throw error;
  }
}

function utf16(data: Uint8Array): string {
  return printable(trimNuls(Buffer.from(data.subarray(0, 4096)).toString("utf16le")));
}

function printable(text: string): string {
  return text
    .slice(0, 120)
    .replace(/[^\x20-\x7e]+/g, " ")
    .trim();
}
