// The lab host: boots a Debian 13 machine in QEMU with what a production host has (systemd, control
// groups v2, KVM by an emulated SVM, /dev/vhost-vsock, device mapper), installs the built project as
// the README says, and runs the e2e files of this checkout inside.
// See USAGE; FILE is a path or a name (volumes for test/e2e/volumes.test.ts), and N the limit of each file.
// --keep opens a root shell in the machine after the tests, --shell instead of them; Ctrl-] ends it.
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { imageFolder, programs } from "../handlers.ts";
import { cacheFolder, repository, testImages, toolPath } from "../tools.ts";
import { bootMachine, EmulatorEnded, type Machine, type MachineParts } from "./machine.ts";
import { openShell } from "./shell.ts";
import { type Counts, filesOf, runFiles } from "./test-files.ts";

/** What proves the transport, the accelerator and a pod's whole life. */
const SMOKE = ["transport", "life-cycle"];
const NO_UEFI = "a guest with UEFI firmware ends QEMU 11's emulated SVM (cpu_interrupt without its lock)";
/** What cannot run there, and why. */
const NOT_THERE: ReadonlyMap<string, string> = new Map([
  ["test/e2e/image.test.ts", "it builds a guest image, and the lab host has no network"],
  ["test/e2e/measured-boot.test.ts", NO_UEFI],
  ["test/e2e/policy.test.ts", NO_UEFI],
]);
const INSTALL_LIMIT_MS = 120_000;
const FACTS_LIMIT_MS = 300_000;
const READ_LIMIT_MS = 60_000;

const USAGE = "npm run lab -- [--only FILE,FILE...|smoke|none] [--handler NAME] [--minutes N] [--keep | --shell]";

/** The environment lacks something: exit code 3; 4 where the machine's emulation ended by itself. */
class Lacking extends Error {}

function exitCodeOf(error: unknown): number {
  if (error instanceof Lacking) return 3;
  return error instanceof EmulatorEnded ? 4 : 1;
}

const options = readOptions();

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: "string", default: "" },
        handler: { type: "string", default: "kata-cvm-fast" },
        minutes: { type: "string", default: "40" },
        keep: { type: "boolean", default: false },
        shell: { type: "boolean", default: false },
      },
    });
    const minutes = Number(values.minutes);
    if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes} is no number of minutes`);
    return { ...values, minutes };
  } catch (error) {
    process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\nusage: ${USAGE}\n`);
    process.exit(2);
  }
}

const started = Date.now();

function say(text: string): void {
  process.stdout.write(`[${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s] ${text}\n`);
}

function wantedFiles(): readonly string[] {
  if (options.shell || options.only === "none") return [];
  if (options.only === "smoke") return filesOf(repository, SMOKE);
  return filesOf(repository, options.only === "" ? [] : options.only.split(","));
}

function makeProjectDisk(folder: string): string {
  const dist = join(programs, "..");
  if (!existsSync(programs)) throw new Lacking("nothing is built: run npm run build");
  if (!existsSync(join(imageFolder(), "image.json"))) throw new Lacking("there is no guest image: run npm run image");
  const disk = join(folder, "project.img");
  const script = join(repository, "test/lab/host/project-disk");
  const parts = [imageFolder(), cacheFolder(), testImages(), dist, toolPath("crictl")];
  execFileSync(script, [disk, ...parts], { stdio: "inherit" });
  return disk;
}

function pathOf(script: string): string {
  try {
    return execFileSync(join(repository, script), { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
  } catch {
    throw new Lacking(`${script} failed; what it said is above`);
  }
}

async function must(machine: Machine, command: string, timeoutMs: number): Promise<string> {
  const { code, output } = await machine.run(command, { timeoutMs });
  if (code !== 0) throw new Error(`in the lab host: ${command}: code ${code}: ${output.trim().slice(-2000)}`);
  return output.trim();
}

/** Runs the file inside; mocha's report is passed on as it comes. */
async function runFile(machine: Machine, file: string): Promise<Counts> {
  const reason = NOT_THERE.get(file);
  if (reason !== undefined) {
    say(`skipped: ${file}: ${reason}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  say(`end-to-end tests, ${options.handler}: ${file}`);
  const settings = {
    TALLY: "/root/tally",
    KATA_CVM_CACHE: cacheFolder(),
    E2E_HANDLER: options.handler,
    E2E_EXPECT: "kvm,vhost-vsock",
    // the guest's guest: emulated by what is emulated
    E2E_PATIENCE: "4",
  };
  const environment = Object.entries(settings).map(([name, value]) => `${name}='${value}'`);
  const mocha = "node_modules/.bin/mocha --config .ci/mocharc.e2e.json --reporter .ci/reporter.cjs";
  const command = `rm -f /root/tally; cd /opt/kata-cvm && env ${environment.join(" ")} ${mocha} '${file}'`;
  const timeoutMs = options.minutes * 60_000;
  const { code } = await machine.run(command, { timeoutMs, onOutput: (bytes) => process.stdout.write(bytes) });
  const counts = (await must(machine, "cat /root/tally 2>/dev/null || true", READ_LIMIT_MS)).split(" ").map(Number);
  if (counts.length !== 3) throw new Error(`mocha ended with ${code} before it could count`);
  const [passed = 0, failed = 0, skipped = 0] = counts;
  return { passed, failed, skipped };
}

async function openMachine(parts: MachineParts): Promise<Machine> {
  say("booting (about a minute)");
  const machine = await bootMachine(parts);
  try {
    say("the machine is up");
    await must(machine, `/srv/kata-cvm/test/lab/host/install ${cacheFolder()}`, INSTALL_LIMIT_MS);
    say("the project is installed; what it finds there:");
    const facts = await machine.run("/opt/kata-cvm/test/lab/host/facts", { timeoutMs: FACTS_LIMIT_MS });
    process.stdout.write(facts.output);
    if (facts.code !== 0) throw new Error("this is no production host");
    return machine;
  } catch (error) {
    await machine.stop();
    throw error;
  }
}

function report({ passed, failed, skipped }: Counts): void {
  say("done");
  const tally = process.env["TALLY"];
  if (tally !== undefined) appendFileSync(tally, `${passed} ${failed} ${skipped}\n`);
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  if (failed > 0 || passed === 0) process.exitCode = 1;
}

async function main(): Promise<void> {
  const files = wantedFiles();
  const base = pathOf("test/lab/host/build");
  const qemu = pathOf("test/support/newer-qemu");
  const folder = mkdtempSync(join(tmpdir(), "kata-cvm-lab-host-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
  const projectDisk = makeProjectDisk(folder);
  say("disks ready");
  const lab = { open: () => openMachine({ qemu, base, projectDisk, folder }), runFile, say };
  const counts = await runFiles(files, lab, async (machine) => {
    if (options.keep || options.shell) await openShell(machine.shellSocket);
  });
  if (files.length > 0) report(counts);
}

await main().catch((error: unknown) => {
  process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = exitCodeOf(error);
});
