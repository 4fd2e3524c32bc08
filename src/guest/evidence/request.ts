// What a container asks of the evidence endpoint: the path and parameters of CoCo's api-server-rest
// (`GET /aa/evidence?runtime_data=TEXT`), and `encoding` for nonces that are no text.
import { InvalidRequest, NotFound } from "../../lib/errors.ts";
import { MAX_NONCE_BYTES } from "./tpm-commands.ts";

const PATH = "/aa/evidence";

/** The nonce, 1 to 64 bytes: what a TPM takes and what a report has room for. */
export function parseEvidenceRequest(url: string): Buffer {
  const { pathname, searchParams } = parseUrl(url);
  if (pathname !== PATH) throw new NotFound("resource", pathname.slice(0, 80));
  const given = searchParams.get("runtime_data");
  if (given === null) throw new InvalidRequest("runtime_data", "is missing");
  const nonce = decode(given, searchParams.get("encoding") ?? "text");
  if (nonce.length >= 1 && nonce.length <= MAX_NONCE_BYTES) return nonce;
  throw new InvalidRequest("runtime_data", `has ${nonce.length} bytes, 1 to ${MAX_NONCE_BYTES} fit`);
}

function parseUrl(url: string): URL {
  try {
    return new URL(url, "http://localhost");
  } catch (error) {
    throw new InvalidRequest("url", "is no path", { cause: error });
  }
}

function decode(text: string, encoding: string): Buffer {
  if (encoding === "text") return Buffer.from(text, "utf8");
  if (encoding === "hex" && /^([0-9a-fA-F]{2})*$/.test(text)) return Buffer.from(text, "hex");
  if (encoding === "base64" && /^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) return Buffer.from(text, "base64");
  if (encoding === "hex" || encoding === "base64") throw new InvalidRequest("runtime_data", `is not ${encoding}`);
  throw new InvalidRequest("encoding", `${JSON.stringify(encoding.slice(0, 20))} is none of text, hex, base64`);
}
