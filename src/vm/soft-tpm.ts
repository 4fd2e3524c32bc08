// A new software TPM for one VM. swtpm_setup would do, but waits most of a second; what we need of
// it is one command: only the sha256 bank, since each further bank costs firmware and guest time at
// every measurement. TPM 2.0 Library, Part 3: PCR_Allocate 22.5, Shutdown 9.4.
import { mkdir } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { withDeadline } from "../lib/deadline.ts";
import { errnoOf, HostCallFailed, ProtocolViolation } from "../lib/errors.ts";
import type { HelperPlan } from "../plan/launch-plan.ts";
import type { Child } from "./child.ts";

export type TpmPlan = Extract<HelperPlan, { kind: "swtpm" }>;

/** Starts swtpm with these arguments and resolves once `socket` listens. */
export type StartSwtpm = (args: readonly string[], socket: string) => Promise<Child>;

const algorithms = { sha1: 0x0004, sha256: 0x000b, sha384: 0x000c, sha512: 0x000d } as const;
const commandTimeoutMs = 5_000;

/** Makes the TPM's state and allocates its only bank. */
export async function manufactureTpm(plan: TpmPlan, start: StartSwtpm): Promise<void> {
  await mkdir(plan.stateDir, { mode: 0o700 });
  const socket = join(plan.stateDir, "make.sock");
  const serve = ["--server", `type=unixio,path=${socket},mode=0600`, "--flags", "not-need-init,startup-clear"];
  await using child = await start([...stateArgs(plan), ...serve], socket);
  const connection = await connect(socket);
  try {
    expectSuccess(await ask(connection, pcrAllocate()), "PCR_Allocate");
    expectSuccess(await ask(connection, shutdownClear), "Shutdown");
  } finally {
    connection.destroy();
  }
  await child.end();
}

export function stateArgs(plan: TpmPlan): string[] {
  return ["socket", "--tpm2", "--tpmstate", `dir=${plan.stateDir},mode=0600`];
}

/** Every PCR of the sha256 bank, none of the others. */
function pcrAllocate(): Buffer {
  const selections = Object.values(algorithms).map((algorithm) => {
    const all = algorithm === algorithms.sha256 ? 0xff : 0;
    return Buffer.from([algorithm >> 8, algorithm & 0xff, 3, all, all, all]);
  });
  const count = Buffer.alloc(4);
  count.writeUInt32BE(selections.length);
  return command(0x8002, 0x12b, Buffer.concat([platformHandle, emptyPasswordSession, count, ...selections]));
}

const platformHandle = Buffer.from("4000000c", "hex");
/** size, TPM_RS_PW, empty nonce, no attributes, empty password (Part 1, 19.4) */
const emptyPasswordSession = Buffer.from("00000009" + "40000009" + "0000" + "00" + "0000", "hex");
const shutdownClear = command(0x8001, 0x145, Buffer.alloc(2));

function command(tag: number, code: number, body: Buffer): Buffer {
  const header = Buffer.alloc(10);
  header.writeUInt16BE(tag);
  header.writeUInt32BE(header.length + body.length, 2);
  header.writeUInt32BE(code, 6);
  return Buffer.concat([header, body]);
}

function expectSuccess(response: Buffer, what: string): void {
  const code = response.readUInt32BE(6);
  if (code !== 0) throw new ProtocolViolation("swtpm", `${what} answered 0x${code.toString(16)}`, { bytes: response });
}

function connect(path: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path, () => resolve(socket));
    socket.once("error", (cause) =>
      reject(new HostCallFailed(`connect to ${path}`, errnoOf(cause) ?? "EUNKNOWN", { cause })),
    );
  });
}

async function ask(socket: net.Socket, request: Buffer): Promise<Buffer> {
  const answer = new Promise<Buffer>((resolve, reject) => {
    let received = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 10 || received.length < received.readUInt32BE(2)) return;
      socket.off("data", onData);
      resolve(received);
    };
    socket.on("data", onData);
    socket.once("close", () => reject(new ProtocolViolation("swtpm", "closed the connection before it answered")));
    socket.once("error", reject);
  });
  socket.write(request);
  return await withDeadline(answer, { operation: "a TPM command", timeoutMs: commandTimeoutMs });
}
