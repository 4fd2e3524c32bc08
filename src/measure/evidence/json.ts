// Reading untrusted JSON into typed values: each getter names the path it missed.
import { errorText } from "../../lib/errors.ts";
import { parseBase64 } from "../hex.ts";
import { MalformedInput } from "../reader.ts";

export class JsonObject {
  readonly #format: string;
  readonly #path: string;
  readonly #value: Readonly<Record<string, unknown>>;

  constructor(format: string, path: string, value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new MalformedInput(format, 0, `${path || "the document"} is no object`);
    }
    this.#format = format;
    this.#path = path;
    this.#value = value as Record<string, unknown>;
  }

  static parse(format: string, text: string): JsonObject {
    try {
      return new JsonObject(format, "", JSON.parse(text));
    } catch (error) {
      if (error instanceof MalformedInput) throw error;
      throw new MalformedInput(format, 0, `is no JSON: ${errorText(error)}`);
    }
  }

  has(key: string): boolean {
    return this.#get(key) !== undefined;
  }

  keys(): string[] {
    return Object.keys(this.#value);
  }

  string(key: string): string {
    const value = this.#get(key);
    return typeof value === "string" ? value : this.fail(key, "is no string");
  }

  optionalString(key: string): string | undefined {
    return this.has(key) ? this.string(key) : undefined;
  }

  integer(key: string): number {
    const value = this.#get(key);
    return typeof value === "number" && Number.isSafeInteger(value) ? value : this.fail(key, "is no integer");
  }

  /** `size` in bytes, where the format fixes it. */
  hex(key: string, size?: number): Buffer {
    const text = this.string(key);
    const isHex = text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text);
    if (!isHex) return this.fail(key, "is no hex string");
    if (size !== undefined && text.length !== size * 2) return this.fail(key, `is not ${size} bytes`);
    return Buffer.from(text, "hex");
  }

  base64(key: string): Buffer {
    return parseBase64(this.string(key).replace(/\s/g, "")) ?? this.fail(key, "is no base64");
  }

  optionalBase64(key: string): Buffer | undefined {
    return this.has(key) ? this.base64(key) : undefined;
  }

  strings(key: string): string[] {
    const value = this.#get(key);
    const isStrings = Array.isArray(value) && value.every((item) => typeof item === "string");
    return isStrings ? (value as string[]) : this.fail(key, "is no list of strings");
  }

  object(key: string): JsonObject {
    return new JsonObject(this.#format, this.#at(key), this.#get(key));
  }

  optionalObject(key: string): JsonObject | undefined {
    return this.has(key) ? this.object(key) : undefined;
  }

  objects(key: string): JsonObject[] {
    const value = this.#get(key);
    if (!Array.isArray(value)) return this.fail(key, "is no list");
    return value.map((item, index) => new JsonObject(this.#format, `${this.#at(key)}[${index}]`, item));
  }

  fail(key: string, reason: string): never {
    throw new MalformedInput(this.#format, 0, `${this.#at(key)} ${reason}`);
  }

  #get(key: string): unknown {
    return Object.hasOwn(this.#value, key) ? this.#value[key] : undefined;
  }

  #at(key: string): string {
    return this.#path === "" ? key : `${this.#path}.${key}`;
  }
}
