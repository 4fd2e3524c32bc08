// Quotes of a TPM that is only a key: what a host could make up beside a genuine TEE.
import { createHash, sign } from "node:crypto";
import { renderPcrSelections } from "../../src/measure/tpm/pcr-selection.ts";
import { ecKey } from "./mint.ts";

/** The member `tpm` of `kata-cvm-evidence/1`. */
export interface MintedTpm {
  /** TPMT_PUBLIC of the attestation key */
  readonly area: Buffer;
  evidence(nonce: Uint8Array, pcrs: ReadonlyMap<number, Buffer>): Record<string, unknown>;
}

/** An ECC P-256 attestation key with all the attributes that one must have. */
export function mintTpm(): MintedTpm {
  const key = ecKey("P-256");
  const { x = "", y = "" } = key.publicKey.export({ format: "jwk" });
  const point = [x, y].map((coordinate) => sized(Buffer.from(coordinate, "base64url")));
  const area = Buffer.concat([Buffer.from("0023000b00050072000000100018000b00030010", "hex"), ...point]);
  return {
    area,
    evidence(nonce, pcrs) {
      const quote = renderQuote(nonce, pcrs);
      const raw = sign("sha256", quote, { key: key.privateKey, dsaEncoding: "ieee-p1363" });
      const signature = [Buffer.from("0018000b", "hex"), sized(raw.subarray(0, 32)), sized(raw.subarray(32))];
      const values = [...pcrs].map(([index, value]) => [String(index), value.toString("hex")]);
      return {
        quote: quote.toString("base64"),
        signature: Buffer.concat(signature).toString("base64"),
        ak: area.toString("base64"),
        pcrs: { sha256: Object.fromEntries(values) as Record<string, string> },
      };
    },
  };
}

function renderQuote(nonce: Uint8Array, pcrs: ReadonlyMap<number, Buffer>): Buffer {
  const digest = createHash("sha256");
  for (const value of pcrs.values()) digest.update(value);
  return Buffer.concat([
    Buffer.from("ff5443478018", "hex"),
    sized(Buffer.alloc(0)),
    sized(nonce),
    Buffer.alloc(8 + 4 + 4 + 1 + 8), // clock, resets, safe, firmware version
    renderPcrSelections([{ bank: "sha256", registers: [...pcrs.keys()] }]),
    sized(digest.digest()),
  ]);
}

/** TPM2B */
function sized(bytes: Uint8Array): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(bytes.length);
  return Buffer.concat([size, bytes]);
}
