// Ids that become file names and socket names. The rule is containerd's (pkg/identifiers):
// runs of ASCII letters and digits joined by single `.`, `_` or `-`, at most 76 characters.
import { InvalidRequest } from "../lib/errors.ts";

const maxLength = 76;
const pattern = /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;

export function parseIdentifier(value: string, field: string): string {
  if (value === "") throw new InvalidRequest(field, "is empty");
  if (value.length > maxLength) {
    throw new InvalidRequest(field, `is ${value.length} characters long, at most ${maxLength} are allowed`);
  }
  if (!pattern.test(value)) {
    throw new InvalidRequest(field, `${JSON.stringify(value)} is no identifier: letters and digits joined by . _ or -`);
  }
  return value;
}
