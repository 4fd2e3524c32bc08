// The lab host: boots a Debian 13 machine in QEMU with what a production host has (systemd, control
// groups v2, KVM by an emulated SVM, /dev/vhost-vsock, device mapper), installs the built project as
// the README says, and runs the e2e files of this checkout inside.
// See USAGE; FILE may be a pattern.
// --keep opens a root shell in the machine after the tests, --shell instead of them; Ctrl-] ends it.
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { imageFolder, programs } from "../handlers.ts";
import { cacheFolder, repository, testImages, toolPath } from "../tools.ts";
import { bootMachine, EmulatorEnded, type Machine } from "./machine.ts";
import { openShell } from "./shell.ts";

/** What proves the transport, the accelerator and a pod's whole life. */
const SMOKE = ["test/e2e/transport.test.ts", "test/e2e/life-cycle.test.ts"];
const ALL = ["test/e2e/**/*.test.ts"];
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
        minutes: { type: "string", default: "90" },
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
  if (options.only === "smoke") return SMOKE;
  return options.only === "" ? ALL : options.only.split(",");
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

/** Runs the files inside; answers with mocha's passed, failed and skipped. */
async function runTests(machine: Machine, files: readonly string[]): Promise<readonly number[]> {
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
  const command = `cd /opt/kata-cvm && env ${environment.join(" ")} ${mocha} ${files.map((file) => `'${file}'`).join(" ")}`;
  const timeoutMs = options.minutes * 60_000;
  const { code } = await machine.run(command, { timeoutMs, onOutput: (bytes) => process.stdout.write(bytes) });
  const counts = (await must(machine, "cat /root/tally 2>/dev/null || true", READ_LIMIT_MS)).split(" ").map(Number);
  if (counts.length !== 3) throw new Error(`mocha ended with ${code} before it could count`);
  return counts;
}

async function inMachine(machine: Machine, files: readonly string[]): Promise<void> {
  say("the machine is up");
  await must(machine, `/srv/kata-cvm/test/lab/host/install ${cacheFolder()}`, INSTALL_LIMIT_MS);
  say("the project is installed; what it finds there:");
  const facts = await machine.run("/opt/kata-cvm/test/lab/host/facts", { timeoutMs: FACTS_LIMIT_MS });
  process.stdout.write(facts.output);
  if (facts.code !== 0) throw new Error("this is no production host");
  if (files.length > 0) {
    say(`end-to-end tests, ${options.handler}: ${files.join(" ")}`);
    const [passed = 0, failed = 0, skipped = 0] = await runTests(machine, files);
    say("done");
    const tally = process.env["TALLY"];
    if (tally !== undefined) appendFileSync(tally, `${passed} ${failed} ${skipped}\n`);
    process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    if (failed > 0 || passed === 0) process.exitCode = 1;
  }
  if (options.keep || options.shell) await openShell(machine.shellSocket);
}

async function main(): Promise<void> {
  const base = pathOf("test/lab/host/build");
  const qemu = pathOf("test/support/newer-qemu");
  const folder = mkdtempSync(join(tmpdir(), "kata-cvm-lab-host-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
  const projectDisk = makeProjectDisk(folder);
  say("disks ready; booting (about a minute)");
  await using machine = await bootMachine({ qemu, base, projectDisk, folder });
  await inMachine(machine, wantedFiles());
}

await main().catch((error: unknown) => {
  process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = exitCodeOf(error);
});
