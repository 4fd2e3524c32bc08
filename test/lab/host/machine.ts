// The lab host as a running machine: QEMU with an emulated SVM (so that KVM works inside), its disks
// as throw-away copies, and a virtio-serial port that runs commands. Every wait loses to QEMU's end,
// and QEMU ends with this process, however that ends.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, openSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { MarkedOutput, type Piece } from "./marked-output.ts";

export interface MachineParts {
  /** 10.2 or newer: it must be able to end with its parent */
  readonly qemu: string;
  /** folder with root.img, vmlinuz and initrd.img */
  readonly base: string;
  /** disk with the checkout, the guest image and the tools */
  readonly projectDisk: string;
  /** for sockets, logs and the disks' changes */
  readonly folder: string;
}

export interface CommandLimits {
  readonly timeoutMs: number;
  readonly onOutput?: (bytes: Buffer) => void;
}

export interface Machine extends AsyncDisposable {
  /** of the console that has a root shell */
  readonly shellSocket: string;
  /** runs one line of shell; answers with its exit code and all of its output */
  run(command: string, limits: CommandLimits): Promise<{ readonly code: number; readonly output: string }>;
  stop(): Promise<void>;
}

const MEMORY_MIB = 6144;
/** A second one costs more than it gives: two emulated CPUs that share a kernel with KVM race in QEMU 11 (README). */
const CPUS = 1;
/** Polling for a guest's wake-up would take the processor from what emulates it. */
const QUICK = "mitigations=off audit=0 kvm.halt_poll_ns=0 systemd.firstboot=off";
const BOOT_LIMIT_MS = 240_000;
const END_LIMIT_MS = 10_000;

/** Not a finding about what runs inside: the emulation itself has ended. */
export class EmulatorEnded extends Error {}

export async function bootMachine(parts: MachineParts): Promise<Machine> {
  const log = openSync(join(parts.folder, "qemu.log"), "a");
  const child = spawn(parts.qemu, renderArgv(parts), {
    stdio: ["ignore", log, log],
    env: { ...process.env, TMPDIR: parts.folder },
    // not in the terminal's group: Ctrl-C comes to us, and we end it
    detached: true,
  });
  const gone = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => reject(new EmulatorEnded(lastWords(parts.folder, code ?? signal))));
  });
  gone.catch(() => undefined);
  const stop = () => endQemu(child);
  try {
    const socket = await Promise.race([dial(join(parts.folder, "commands.sock")), gone]);
    const port = new CommandPort(socket, gone);
    await port.ready(BOOT_LIMIT_MS);
    const shellSocket = join(parts.folder, "shell.sock");
    return { shellSocket, run: (command, limits) => port.run(command, limits), stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function renderArgv({ base, projectDisk, folder }: MachineParts): readonly string[] {
  const disk = (path: string) => `file=${path},if=virtio,format=raw,snapshot=on,cache=unsafe`;
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-run-with", "exit-with-parent=on"],
    // TCG emulates SVM with nested paging: the kernel inside has a KVM that really runs guests
    ...["-machine", "q35,hpet=off", "-accel", "tcg,thread=multi", "-cpu", "EPYC,+svm"],
    ...["-smp", String(CPUS), "-m", String(MEMORY_MIB)],
    ...["-kernel", join(base, "vmlinuz"), "-initrd", join(base, "initrd.img")],
    ...["-append", `root=/dev/vda ro console=ttyS0 quiet panic=-1 ${QUICK}`],
    ...["-drive", disk(join(base, "root.img")), "-drive", disk(projectDisk)],
    ...["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"],
    ...["-chardev", `socket,id=commands,path=${join(folder, "commands.sock")},server=on,wait=off`],
    ...["-device", "virtserialport,chardev=commands,name=commands"],
    ...["-chardev", `socket,id=shell,path=${join(folder, "shell.sock")},server=on,wait=off`],
    ...["-device", "virtconsole,chardev=shell"],
    ...["-chardev", `file,id=console,path=${join(folder, "console.log")}`, "-serial", "chardev:console"],
    "-no-reboot",
  ];
}

/** One command at a time, in the order of the calls. */
class CommandPort {
  readonly #socket: Socket;
  readonly #gone: Promise<never>;
  readonly #stream = new MarkedOutput();
  #onPiece: (piece: Piece) => void = () => undefined;

  constructor(socket: Socket, gone: Promise<never>) {
    this.#socket = socket;
    this.#gone = gone;
    socket.on("data", (chunk: Buffer) => {
      for (const piece of this.#stream.push(chunk)) this.#onPiece(piece);
    });
    // an end of the connection is QEMU's end, which has its own message
    socket.on("error", () => undefined);
  }

  async ready(timeoutMs: number): Promise<void> {
    await this.#until("the boot of the lab host", timeoutMs, (piece) => (piece.kind === "ready" ? true : undefined));
  }

  async run(command: string, { timeoutMs, onOutput }: CommandLimits): Promise<{ code: number; output: string }> {
    const output: Buffer[] = [];
    this.#socket.write(`${command}\n`);
    const code = await this.#until(command, timeoutMs, (piece) => {
      if (piece.kind === "end") return piece.code;
      if (piece.kind === "output") {
        output.push(piece.bytes);
        onOutput?.(piece.bytes);
      }
      return undefined;
    });
    return { code, output: Buffer.concat(output).toString("utf8") };
  }

  async #until<T>(what: string, timeoutMs: number, take: (piece: Piece) => T | undefined): Promise<T> {
    const timer = new AbortController();
    const found = new Promise<T>((resolve) => {
      this.#onPiece = (piece) => {
        const value = take(piece);
        if (value !== undefined) resolve(value);
      };
    });
    const late = pause(timeoutMs, undefined, { signal: timer.signal }).then(() => {
      throw new Error(`the lab host did not finish within ${timeoutMs / 1000} s: ${what}`);
    });
    late.catch(() => undefined);
    try {
      return await Promise.race([found, late, this.#gone]);
    } finally {
      timer.abort();
      this.#onPiece = () => undefined;
    }
  }
}

async function dial(path: string): Promise<Socket> {
  for (const end = Date.now() + END_LIMIT_MS; ; await pause(50)) {
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = connect(path, () => resolve(socket));
        socket.once("error", reject);
      });
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

function lastWords(folder: string, how: number | string | null): string {
  const tails = ["qemu.log", "console.log"]
    .map((name) => join(folder, name))
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, "utf8").trim().split("\n").slice(-5).join("\n"));
  return `the lab host's QEMU ended (${how}):\n${tails.join("\n")}`;
}

async function endQemu(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGKILL");
  await Promise.race([exited, pause(END_LIMIT_MS, undefined, { ref: false })]);
}
