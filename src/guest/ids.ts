// What an untrusted host may name. An id becomes part of paths, so nothing that is not plain passes.
import { InvalidRequest } from "../lib/errors.ts";

/** agent-protocol §4.2: at least two characters. */
const ID = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const ID_MAX = 128;

export function isValidId(id: string): boolean {
  return id.length <= ID_MAX && ID.test(id);
}

export function requireId(kind: "container" | "exec" | "sandbox", id: string): string {
  if (!isValidId(id))
    throw new InvalidRequest(`${kind}_id`, `invalid ${kind} ID ${JSON.stringify(id.slice(0, ID_MAX))}`);
  return id;
}
