// The runtime handlers of a lab: runc as the peer, and ours once the shim is built. Each of ours
// has its own copy of a shipped configuration in the lab's folder, so that a test may change one.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify, type TomlTable } from "smol-toml";
import type { LabHandler } from "./containerd-config.ts";
import { PATIENCE } from "./patience.ts";
import { repository } from "./tools.ts";

/** The programs that `npm run build` makes; KATA_CVM_DIST names another build's folder. */
export const programs = join(process.env["KATA_CVM_DIST"] ?? join(repository, "dist"), "bin");

export const shimBinary = join(programs, "containerd-shim-kata-cvm-v2");

/** `kata-cvm` is the measured development class, `kata-cvm-fast` the quick one. */
export type OurClass = "kata-cvm" | "kata-cvm-fast";

/** A handler that fails as a test asks: its configuration file is rewritten before each pod. */
export const BROKEN_HANDLER = "kata-cvm-broken";

/** Like kata-cvm-fast, by containerd's Sandbox API: without a pause container. For containerd 2.0 and newer. */
export const SANDBOX_HANDLER = "kata-cvm-fast-sandbox";

/** Values by section, then key, as in the shipped files. */
export type ConfigChanges = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;

/** Where everything takes longer, a guest's second processor mostly waits for the first, and its waiting is emulated. */
function patientChanges(): ConfigChanges {
  if (PATIENCE === 1) return {};
  const seconds = (limit: number) => Math.min(limit * PATIENCE, 3600);
  const agent = { boot_timeout: seconds(180), request_timeout: seconds(60), create_container_timeout: seconds(60) };
  // the self-test's limit is for a machine that is not emulated; where KVM must work, its failure is the test's
  const accelerator = (process.env["E2E_EXPECT"] ?? "").split(",").includes("kvm") ? "kvm" : "auto";
  return { vm: { default_vcpus: 1, accelerator }, agent };
}

/** A shipped configuration with some values changed, as TOML. KATA_CVM_IMAGE moves the guest image. */
export function classConfig(name: OurClass, changes: ConfigChanges = {}): string {
  const config = parse(readFileSync(join(repository, `configs/${name}.toml`), "utf8"));
  const image = process.env["KATA_CVM_IMAGE"];
  const moved = image === undefined ? {} : { paths: { image } };
  for (const [section, values] of [patientChanges(), moved, changes].flatMap((each) => Object.entries(each))) {
    config[section] = { ...(config[section] as TomlTable | undefined), ...values };
  }
  return stringify(config);
}

/** Folder of the guest image that the handlers boot. */
export function imageFolder(): string {
  const { paths } = parse(classConfig("kata-cvm")) as { paths: { image: string } };
  return paths.image;
}

/** The peer that tests and benchmarks compare with. */
export function runcHandler(): LabHandler {
  const find = "PATH=$PATH:/usr/sbin:/sbin command -v runc";
  const binaryName = execFileSync("/bin/sh", ["-c", find], { encoding: "utf8" }).trim();
  return { name: "runc", runtimeType: "io.containerd.runc.v2", binaryName };
}

/** Told its configuration by its name, as user namespaces need it. */
function namedHandler(name: OurClass): LabHandler {
  return { name, runtimeType: `io.containerd.${name}.v2`, configText: classConfig(name) };
}

/** Told its configuration by containerd, as an older installation is. */
function ourHandler(name: string, configText: string): LabHandler {
  return {
    name,
    runtimeType: "io.containerd.kata-cvm.v2",
    runtimePath: shimBinary,
    configText,
    hasConfigPath: true,
  };
}

export function handlers(): readonly LabHandler[] {
  if (!existsSync(shimBinary)) return [runcHandler()];
  return [
    runcHandler(),
    namedHandler("kata-cvm"),
    namedHandler("kata-cvm-fast"),
    { ...namedHandler("kata-cvm-fast"), name: SANDBOX_HANDLER, sandboxer: "shim" },
    ourHandler(BROKEN_HANDLER, classConfig("kata-cvm-fast")),
  ];
}
