// Launch plans for tests with a real QEMU under TCG: one with a kernel that does nothing, for everything
// but the guest; and ones of the real guest image, where it was built.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseConfig } from "../../src/config/parse.ts";
import type { OwnedThing, Ownership } from "../../src/lib/owned.ts";
import type { HostFacts } from "../../src/plan/inputs.ts";
import type { LaunchPlan } from "../../src/plan/launch-plan.ts";
import { planLaunch } from "../../src/plan/plan-launch.ts";
import { hostFacts } from "../unit/plan/cases.ts";
import { systemQemu } from "./qemus.ts";

const realImage = process.env["KATA_CVM_IMAGE"] ?? "/var/lib/kata-cvm/images/default";

export const hasGuestImage = () => existsSync(join(realImage, "image.json"));

/** The least that QEMU takes for a Linux kernel (boot protocol 2.12: magic at 0x202, version at 0x206); it only hangs. */
export function idleKernel(): Buffer {
  const bytes = Buffer.alloc(32_768);
  bytes[0x1f1] = 4;
  bytes.write("HdrS", 0x202, "latin1");
  bytes.writeUInt16LE(0x020c, 0x206);
  bytes.writeUInt32LE(0x7fff_ffff, 0x22c);
  return bytes;
}

const noKvm = { kvm: { usable: false, reason: "a test" }, vhostVsock: false, vhostNet: false } as const;

/** Fast class, files in `dir`, 256 MiB. */
export function idlePlan(dir: string, changes: { toml?: string; podId?: string } = {}): LaunchPlan {
  mkdirSync(dir, { recursive: true });
  const image = { ...hostFacts.image, dir };
  for (const name of image.files) writeFileSync(join(dir, name), idleKernel());
  const text = changes.toml ?? '[vm]\nboot = "direct"\ndefault_memory = 256\n[paths]\nfirmware = "builtin"';
  const { config } = parseConfig([{ path: "test.toml", text }]);
  const facts: HostFacts = { ...hostFacts, ...noKvm, image };
  return planLaunch(config, facts, { podId: changes.podId ?? "test", runDir: dir, nics: [], annotations: {} });
}

/** A shipped configuration with the guest image of this machine. */
export function guestPlan(configFile: string, dir: string, cmdlineOf = (line: string) => line): LaunchPlan {
  const text = readFileSync(new URL(`../../configs/${configFile}`, import.meta.url), "utf8");
  const { config } = parseConfig([{ path: configFile, text }]);
  const { rootHash, cmdline } = JSON.parse(readFileSync(join(realImage, "image.json"), "utf8")) as {
    rootHash: string;
    cmdline: string;
  };
  const image = { dir: realImage, rootHash, cmdline: cmdlineOf(cmdline), files: readdirSync(realImage) };
  const facts: HostFacts = { ...hostFacts, ...noKvm, qemu: { ...hostFacts.qemu, path: systemQemu }, image };
  return planLaunch(config, facts, { podId: "test", runDir: dir, nics: [], annotations: {} });
}

/** Remembers what is owned, as a ledger would. */
export class OwnedList implements Ownership {
  readonly history: string[] = [];
  readonly #owned = new Map<string, OwnedThing>();

  get owned(): readonly OwnedThing[] {
    return [...this.#owned.values()];
  }

  async claim(thing: OwnedThing): Promise<void> {
    this.history.push(`claim ${nameOf(thing)}`);
    this.#owned.set(keyOf(thing), thing);
  }

  async release(thing: OwnedThing): Promise<void> {
    this.history.push(`release ${nameOf(thing)}`);
    this.#owned.delete(keyOf(thing));
  }
}

function keyOf(thing: OwnedThing): string {
  return thing.kind === "process" ? `process ${thing.name}` : JSON.stringify(thing);
}

function nameOf(thing: OwnedThing): string {
  if (thing.kind === "process") return `${thing.name}${thing.pid === undefined ? "" : " with pid"}`;
  return thing.kind;
}
