// Intel's signed statements about platforms and quoting enclaves: TCB info (version 3) and enclave
// identity (version 2). The signature is over the exact text of the inner object. Rules: Intel
// PCS API v4; matching as in "Intel TDX: TCB Recovery", the order of levels is significant.
import { toHex } from "../hex.ts";
import { MalformedInput } from "../reader.ts";
import { JsonObject } from "./json.ts";
import type { PckExtension } from "./pck-extension.ts";
import type { QeReport, TdReport } from "./tdx-quote.ts";

const MAX_COLLATERAL = 1 << 20;

export interface SignedJson {
  readonly kind: "tcbInfo" | "enclaveIdentity";
  readonly body: JsonObject;
  /** the bytes that are signed */
  readonly signedBytes: Buffer;
  /** r || s */
  readonly signature: Buffer;
  readonly issueDate: string;
  readonly nextUpdate: string;
}

export interface TcbMatch {
  /** `UpToDate`, `OutOfDate`, `Revoked` and others; undefined when no level fits */
  readonly status: string | undefined;
  readonly detail: string;
}

export function parseSignedJson(bytes: Uint8Array): SignedJson {
  const format = "TDX collateral";
  if (bytes.length > MAX_COLLATERAL) throw new MalformedInput(format, MAX_COLLATERAL, "is too long");
  const text = Buffer.from(bytes).toString("utf8").trim();
  const outer = JsonObject.parse(format, text);
  const kind = outer.has("tcbInfo") ? "tcbInfo" : "enclaveIdentity";
  const start = new RegExp(`^\\{\\s*"${kind}"\\s*:\\s*`).exec(text)?.[0].length;
  const end = endOfSigned(text);
  if (start === undefined || end === undefined || end < start)
    throw new MalformedInput(format, 0, `is not {"${kind}":…,"signature":…}`);
  const inner = text.slice(start, end);
  const body = JsonObject.parse(format, inner);
  const [issueDate, nextUpdate] = [body.string("issueDate"), body.string("nextUpdate")];
  return { kind, body, signedBytes: Buffer.from(inner), signature: outer.hex("signature", 64), issueDate, nextUpdate };
}

/** Where the signed object ends: before the comma in front of the signature, which is the last member. */
function endOfSigned(text: string): number | undefined {
  const key = text.lastIndexOf('"signature"');
  if (key === -1 || !/^"signature"\s*:\s*"[0-9a-fA-F]*"\s*\}$/.test(text.slice(key))) return undefined;
  const before = text.slice(0, key).trimEnd();
  return before.endsWith(",") ? before.slice(0, -1).trimEnd().length : undefined;
}

/** First level that the platform reaches in every SGX component, PCE and TDX component. */
export function matchTcbLevel(body: JsonObject, pck: PckExtension, report: TdReport): TcbMatch {
  // A TDX module that names its major version (index 1) is judged by its identity, not by components 0 and 1.
  const firstComponent = (report.teeTcbSvn[1] ?? 0) > 0 ? 2 : 0;
  const level = body.objects("tcbLevels").find((candidate) => {
    const tcb = candidate.object("tcb");
    const sgx = componentSvns(tcb, "sgxtcbcomponents");
    const tdx = componentSvns(tcb, "tdxtcbcomponents");
    return (
      sgx.every((svn, index) => (pck.components[index] ?? 0) >= svn) &&
      pck.pceSvn >= tcb.integer("pcesvn") &&
      tdx.every((svn, index) => index < firstComponent || (report.teeTcbSvn[index] ?? 0) >= svn)
    );
  });
  const status = level?.string("tcbStatus");
  return { status, detail: status === undefined ? "below every level" : `${status} as of ${level?.string("tcbDate")}` };
}

/** The TDX module's own status, for modules that carry a major version. */
export function matchTdxModule(body: JsonObject, report: TdReport): TcbMatch {
  const [svn = 0, major = 0] = report.teeTcbSvn;
  if (major === 0)
    return checkModuleSigner(body.object("tdxModule"), report) ?? { status: "UpToDate", detail: "version 0" };
  const id = `TDX_${major.toString(16).toUpperCase().padStart(2, "0")}`;
  const identity = body.has("tdxModuleIdentities")
    ? body.objects("tdxModuleIdentities").find((one) => one.string("id") === id)
    : undefined;
  if (identity === undefined) return { status: undefined, detail: `no identity of module ${id}` };
  const level = identity.objects("tcbLevels").find((one) => svn >= one.object("tcb").integer("isvsvn"));
  const status = level?.string("tcbStatus");
  return (
    checkModuleSigner(identity, report) ?? { status, detail: `${id} with SVN ${svn}: ${status ?? "below every level"}` }
  );
}

/** The quoting enclave is Intel's, and recent. */
export function matchQeIdentity(body: JsonObject, qe: QeReport): TcbMatch {
  const miscMask = body.hex("miscselectMask", 4).readUInt32LE();
  const isSame =
    body.string("id") === "TD_QE" &&
    body.hex("mrsigner", 32).equals(qe.mrSigner) &&
    body.integer("isvprodid") === qe.isvProdId &&
    maskedEqual(qe.attributes, body.hex("attributes", 16), body.hex("attributesMask", 16)) &&
    (qe.miscSelect & miscMask) >>> 0 === body.hex("miscselect", 4).readUInt32LE();
  if (!isSame) return { status: undefined, detail: `is another enclave (signer ${toHex(qe.mrSigner)})` };
  const level = body.objects("tcbLevels").find((one) => qe.isvSvn >= one.object("tcb").integer("isvsvn"));
  const status = level?.string("tcbStatus");
  return { status, detail: `SVN ${qe.isvSvn}: ${status ?? "below every level"}` };
}

function checkModuleSigner(identity: JsonObject, report: TdReport): TcbMatch | undefined {
  const isSame =
    identity.hex("mrsigner", 48).equals(report.mrSignerSeam) &&
    maskedEqual(report.seamAttributes, identity.hex("attributes", 8), identity.hex("attributesMask", 8));
  return isSame ? undefined : { status: undefined, detail: `signed by ${toHex(report.mrSignerSeam)}` };
}

function componentSvns(tcb: JsonObject, key: string): number[] {
  const svns = tcb.objects(key).map((component) => component.integer("svn"));
  return svns.length === 16 ? svns : tcb.fail(key, `has ${svns.length} components, not 16`);
}

function maskedEqual(actual: Uint8Array, expected: Uint8Array, mask: Uint8Array): boolean {
  return (
    mask.length === actual.length &&
    mask.every((bits, index) => ((actual[index] ?? 0) & bits) === (expected[index] ?? -1))
  );
}
