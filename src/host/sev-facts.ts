// Where SEV's encryption bit is and how many address bits it costs, as QEMU says of this host's
// processor: both differ between generations, so neither is ever assumed for a launch.
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EnvironmentLacks, errnoOf, ProtocolViolation } from "../lib/errors.ts";
import { runCommand } from "./exec.ts";

export interface SevFacts {
  readonly cbitpos: number;
  readonly reducedPhysBits: number;
}

/** Throws EnvironmentLacks, with QEMU's words, on a host without SEV. The answer is kept until the next boot. */
export async function probeSev(
  qemu: string,
  options: { cacheDir: string; signal?: AbortSignal | undefined },
): Promise<SevFacts> {
  const file = join(options.cacheDir, "sev.json");
  const kept = await readKept(file);
  if (kept !== undefined) return kept;
  const facts = await ask(qemu, options.signal);
  await mkdir(options.cacheDir, { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, JSON.stringify(facts));
  await rename(temporary, file);
  return facts;
}

async function ask(qemu: string, signal: AbortSignal | undefined): Promise<SevFacts> {
  const commands = ["qmp_capabilities", "query-sev-capabilities", "quit"];
  const input = `${commands.map((execute) => JSON.stringify({ execute })).join("\n")}\n`;
  const args = ["-machine", "none,accel=kvm", "-nodefaults", "-display", "none", "-qmp", "stdio"];
  const { stdout } = await runCommand(qemu, args, { input, timeoutMs: 5000, signal }).catch((cause: unknown) => {
    throw notReported("QEMU does not start with KVM", cause);
  });
  return parseSevCapabilities(stdout);
}

interface Answer {
  readonly return?: { readonly cbitpos?: unknown; readonly "reduced-phys-bits"?: unknown };
  readonly error?: { readonly desc: string };
}

/** QMP's lines (qapi/misc-i386.json, SevCapability). */
export function parseSevCapabilities(output: string): SevFacts {
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  for (const { return: facts, error } of lines.map((line) => JSON.parse(line) as Answer)) {
    if (error !== undefined) throw notReported(error.desc);
    if (facts?.cbitpos === undefined) continue;
    const { cbitpos, "reduced-phys-bits": reducedPhysBits } = facts;
    if (isBit(cbitpos) && isBit(reducedPhysBits)) return { cbitpos, reducedPhysBits };
    throw new ProtocolViolation("query-sev-capabilities", `no bit positions in ${JSON.stringify(facts)}`);
  }
  throw notReported("QEMU gave no answer");
}

function isBit(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 64;
}

function notReported(said: string, cause?: unknown): EnvironmentLacks {
  const fix = "run on a host with SEV-SNP, or set snp.cbitpos and snp.reduced_phys_bits";
  return new EnvironmentLacks(`query-sev-capabilities: ${said}`, fix, { cause });
}

async function readKept(file: string): Promise<SevFacts | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as SevFacts;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
