// Addresses as netlink wants them, both families.
import { isIPv4, isIPv6 } from "node:net";
import { InvalidRequest } from "../../lib/errors.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;

export interface IpAddress {
  readonly family: typeof AF_INET | typeof AF_INET6;
  readonly bytes: Buffer;
}

export interface IpPrefix extends IpAddress {
  readonly length: number;
}

export function parseAddress(field: string, text: string): IpAddress {
  if (isIPv4(text)) return { family: AF_INET, bytes: Buffer.from(text.split(".").map(Number)) };
  if (isIPv6(text)) return { family: AF_INET6, bytes: parseIpv6(text) };
  throw new InvalidRequest(field, `${JSON.stringify(text.slice(0, 64))} is not an IP address`);
}

/** `address/length`; a missing length means the whole address. */
export function parsePrefix(field: string, text: string): IpPrefix {
  const [address = "", lengthText, ...rest] = text.split("/");
  const parsed = parseAddress(field, address);
  const bits = parsed.bytes.length * 8;
  const length = lengthText === undefined ? bits : Number(lengthText);
  if (rest.length > 0 || !Number.isInteger(length) || length < 0 || length > bits || lengthText === "") {
    throw new InvalidRequest(field, `${JSON.stringify(text.slice(0, 64))} has no valid prefix length`);
  }
  return { ...parsed, length };
}

export function renderAddress(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join(".");
  const words = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  // URL normalises to the shortest form
  return new URL(`http://[${words.join(":")}]`).hostname.slice(1, -1);
}

export function parseMac(field: string, text: string): Buffer {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text))
    throw new InvalidRequest(field, `${JSON.stringify(text.slice(0, 32))} is not a MAC address`);
  return Buffer.from(text.replaceAll(":", ""), "hex");
}

export function renderMac(bytes: Buffer): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function parseIpv6(text: string): Buffer {
  const bare = text.split("%")[0] ?? "";
  const lastColon = bare.lastIndexOf(":");
  const tail = bare.slice(lastColon + 1);
  const plain = isIPv4(tail) ? `${bare.slice(0, lastColon + 1)}${ipv4Words(tail)}` : bare;
  const [head = "", rest] = plain.split("::");
  const words = (part: string) => (part === "" ? [] : part.split(":"));
  const left = words(head);
  const right = rest === undefined ? [] : words(rest);
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => "0"), ...right];
  return Buffer.from(all.map((word) => word.padStart(4, "0")).join(""), "hex");
}

function ipv4Words(text: string): string {
  const hex = Buffer.from(text.split(".").map(Number)).toString("hex");
  return `${hex.slice(0, 4)}:${hex.slice(4)}`;
}
