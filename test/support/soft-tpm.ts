// A software TPM for tests: the real TPM reference code, driven by tpm2-tools.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** swtpm on two loopback ports, and tpm2-tools that talk to it. */
export class SoftTpm {
  private readonly dir: string;
  private readonly process: ChildProcess;
  private readonly port: number;
  private readonly tcti: string;

  private constructor(dir: string, process: ChildProcess, port: number) {
    this.dir = dir;
    this.port = port;
    this.process = process;
    this.tcti = `swtpm:host=127.0.0.1,port=${port}`;
  }

  /** The two ports are free when asked for only: another program may be quicker, so a few pairs are tried. */
  static async start(): Promise<SoftTpm> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await SoftTpm.startOnce();
      } catch (error) {
        if (tries === 3) throw error;
      }
    }
  }

  private static async startOnce(): Promise<SoftTpm> {
    const dir = mkdtempSync(join(tmpdir(), "swtpm-"));
    const port = await freePorts();
    const sockets = [`--server=type=tcp,port=${port}`, `--ctrl=type=tcp,port=${port + 1}`];
    const flags = ["--flags=not-need-init,startup-clear", `--tpmstate=dir=${dir}`];
    const child = spawn("swtpm", ["socket", "--tpm2", ...sockets, ...flags], { stdio: "ignore" });
    const ended = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`swtpm ended with code ${code}`)));
    });
    ended.catch(() => undefined);
    try {
      await Promise.race([answers(port + 1), ended]);
    } catch (error) {
      child.kill("SIGKILL");
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
    return new SoftTpm(dir, child, port);
  }

  run(program: string, ...args: string[]): Buffer {
    const env = { ...process.env, TPM2TOOLS_TCTI: this.tcti };
    return execFileSync(program, args, { cwd: this.dir, env, stdio: ["ignore", "pipe", "pipe"] });
  }

  /** One raw command; sent again while the TPM asks for that (TPM_RC_RETRY), as the kernel's driver does. */
  async transmit(command: Uint8Array): Promise<Buffer> {
    const response = await this.send(command);
    return response.readUInt32BE(6) === 0x922 ? await this.transmit(command) : response;
  }

  private async send(command: Uint8Array): Promise<Buffer> {
    return await new Promise((resolve, reject) => {
      const socket = connect(this.port, "127.0.0.1", () => socket.write(command));
      let response = Buffer.alloc(0);
      socket.on("error", reject).on("data", (chunk) => {
        response = Buffer.concat([response, chunk]);
        if (response.length < 6 || response.length < response.readUInt32BE(2)) return;
        socket.destroy();
        resolve(response);
      });
    });
  }

  /** Path of a file in the tools' folder. */
  path(file: string): string {
    return join(this.dir, file);
  }

  read(file: string): Buffer {
    return readFileSync(join(this.dir, file));
  }

  readPcrs(list: string): Map<"sha256" | "sha384", Map<number, Buffer>> {
    const values = new Map<"sha256" | "sha384", Map<number, Buffer>>();
    let bank: Map<number, Buffer> = new Map();
    for (const line of this.run("tpm2_pcrread", list).toString().split("\n")) {
      const name = /^\s*(sha256|sha384):/.exec(line)?.[1];
      if (name === "sha256" || name === "sha384") {
        bank = new Map();
        values.set(name, bank);
      }
      const [, index, value] = /^\s*(\d+)\s*: 0x([0-9A-F]+)/.exec(line) ?? [];
      if (value !== undefined) bank.set(Number(index), Buffer.from(value, "hex"));
    }
    return values;
  }

  stop(): void {
    this.process.kill();
    rmSync(this.dir, { recursive: true });
  }
}

async function freePorts(): Promise<number> {
  return await new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port < 65535 ? port : port - 2));
    });
  });
}

/** Until the port takes a connection, at most twenty seconds: the machine may be busy. */
async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const ok = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false)).on("connect", () => socket.destroy());
    });
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("swtpm does not answer");
}
