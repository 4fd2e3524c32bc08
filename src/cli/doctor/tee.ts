// What the host says of SEV-SNP and TDX: modules, devices, key slots, the processor. Asked when the
// configuration wants that technology, or when the host offers it.
import { readFile } from "node:fs/promises";
import type { RuntimeConfig } from "../../config/schema.ts";
import { probeSev } from "../../host/sev-facts.ts";
import { EnvironmentLacks } from "../../lib/errors.ts";
import { type Check, fail, lacking, ok, warn } from "./check.ts";
import { exists } from "./programs.ts";

export async function checkTee(config: RuntimeConfig, cacheDir: string): Promise<readonly Check[]> {
  const [snp, tdx] = await Promise.all([checkSnp(config, cacheDir), checkTdx(config)]);
  return [...snp, ...tdx, ...(await checkMemlock(config))];
}

async function checkSnp(config: RuntimeConfig, cacheDir: string): Promise<readonly Check[]> {
  const parameter = "/sys/module/kvm_amd/parameters/sev_snp";
  const isOn = await readSwitch(parameter);
  if (config.vm.tee !== "snp" && isOn !== true) return [];
  const checks = [
    moduleCheck({ name: "sev-snp", origin: parameter }, isOn, "kvm_amd sev=1 sev_es=1 sev_snp=1, and SNP in the BIOS"),
  ];
  const device = { name: "sev-snp firmware", origin: "/dev/sev" };
  const hasDevice = await exists("/dev/sev");
  checks.push(
    hasDevice ? ok(device, "there") : lacking(device, "is not there", "load the module ccp; enable SEV in the BIOS"),
  );
  checks.push(await checkCbit(config, cacheDir));
  checks.push(...(await checkSlots("sev-snp slots", ["sev_snp", "sev_es"])));
  return checks;
}

async function checkTdx({ vm, tdx }: RuntimeConfig): Promise<readonly Check[]> {
  const parameter = "/sys/module/kvm_intel/parameters/tdx";
  const isOn = await readSwitch(parameter);
  if (vm.tee !== "tdx" && isOn !== true) return [];
  const quotes = { name: "tdx quotes", origin: tdx.quoteSocket };
  const vsock = { name: "tdx quotes", origin: `vsock port ${tdx.quoteVsockPort} of CID 2` };
  return [
    moduleCheck({ name: "tdx", origin: parameter }, isOn, "kvm_intel tdx=1, and TDX in the BIOS"),
    (await exists(tdx.quoteSocket))
      ? ok(quotes, "the quote generation service's socket is there")
      : warn(
          vsock,
          "no socket: this port would be asked, and may be mute",
          "start the quote generation service (qgsd)",
        ),
    ...(await checkSlots("tdx key slots", ["tdx"])),
  ];
}

function moduleCheck(sight: { name: string; origin: string }, isOn: boolean | undefined, fix: string): Check {
  if (isOn === true) return ok(sight, "on");
  return lacking(sight, isOn === undefined ? "the module is not loaded" : "off", `needs ${fix}`);
}

/** The C-bit's position differs between generations. */
async function checkCbit({ paths, snp }: RuntimeConfig, cacheDir: string): Promise<Check> {
  const asked = { name: "sev-snp c-bit", origin: `${paths.qemu}: query-sev-capabilities` };
  try {
    const { cbitpos, reducedPhysBits } = await probeSev(paths.qemu, { cacheDir });
    if (snp.cbitpos !== 0 && snp.cbitpos !== cbitpos) {
      return fail(asked, `the host's is ${cbitpos}, snp.cbitpos says ${snp.cbitpos}`, "set snp.cbitpos to 0");
    }
    return ok(asked, `bit ${cbitpos}, ${snp.reducedPhysBits || reducedPhysBits} address bits fewer`);
  } catch (error) {
    if (!(error instanceof EnvironmentLacks)) throw error;
    const set = { ...asked, origin: "snp.cbitpos, snp.reduced_phys_bits" };
    const found = `bit ${snp.cbitpos}, ${snp.reducedPhysBits} address bits fewer, as configured; ${error.what}`;
    if (snp.cbitpos !== 0 && snp.reducedPhysBits !== 0) return warn(set, found, "compare with the host's processor");
    return lacking(asked, error.what, error.fix);
  }
}

/** Each guest holds one; a launch without a free one fails. */
async function checkSlots(name: string, kinds: readonly string[]): Promise<readonly Check[]> {
  const capacity = parseMisc(await readText("/sys/fs/cgroup/misc.capacity"));
  const used = parseMisc(await readText("/sys/fs/cgroup/misc.current"));
  const kind = kinds.find((one) => capacity.has(one));
  const sight = { name, origin: "/sys/fs/cgroup/misc.capacity" };
  if (kind === undefined)
    return [warn(sight, "the kernel does not say", "use a kernel with CONFIG_CGROUP_MISC and cgroup v2")];
  const total = capacity.get(kind) ?? 0;
  const taken = used.get(kind) ?? 0;
  const found = `${taken} of ${total} used (${kind})`;
  if (total === 0) return [lacking(sight, found, "give this kind of guest key ids in the BIOS")];
  return [
    taken < total
      ? ok(sight, found)
      : lacking(sight, found, "end a confidential guest, or raise the share in the BIOS"),
  ];
}

/** `KIND NUMBER` a line (cgroup-v2.rst, misc). */
export function parseMisc(text: string): ReadonlyMap<string, number> {
  const rows = text.split("\n").map((line) => line.trim().split(/\s+/));
  return new Map(rows.filter((row) => row.length === 2).map(([kind = "", number = "0"]) => [kind, Number(number)]));
}

/** Encrypted memory is pinned: a low limit fails the launch half-way. */
async function checkMemlock({ vm }: RuntimeConfig): Promise<readonly Check[]> {
  if (vm.tee === "none") return [];
  const sight = { name: "memlock limit", origin: "/proc/self/limits" };
  const limit = parseMemlock(await readText("/proc/self/limits"));
  const needed = vm.defaultMemory * 2 ** 20;
  if (limit === undefined || limit >= needed) return [ok(sight, limit === undefined ? "unlimited" : `${limit} bytes`)];
  return [warn(sight, `${limit} bytes, a guest has ${needed}`, "set LimitMEMLOCK=infinity in containerd.service")];
}

/** The soft limit in bytes; undefined: unlimited. */
export function parseMemlock(limits: string): number | undefined {
  const soft = /^Max locked memory\s+(\S+)/m.exec(limits)?.[1];
  return soft === undefined || soft === "unlimited" ? undefined : Number(soft);
}

async function readSwitch(path: string): Promise<boolean | undefined> {
  const text = await readText(path);
  return text === "" ? undefined : /^[Y1]/.test(text);
}

async function readText(path: string): Promise<string> {
  return await readFile(path, "utf8").catch(() => "");
}
