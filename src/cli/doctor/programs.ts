// Are the programs and devices there that a launch of this configuration needs?
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import type { RuntimeConfig } from "../../config/schema.ts";
import { probeKvm } from "../../host/accel.ts";
import { probeQemu } from "../../host/qemu-facts.ts";
import { usesSwtpm } from "../../plan/devices.ts";
import { attempt, type Check, lacking, ok, warn } from "./check.ts";

/** The oldest QEMU that we trust, and the oldest that can be made to work. */
const wantedMajor = 10;

export async function checkPrograms(config: RuntimeConfig, cacheDir: string): Promise<readonly Check[]> {
  const checks = [
    checkQemu(config, cacheDir),
    checkAccelerator(config, cacheDir),
    checkVsock(config),
    checkSwtpm(config),
    checkVirtiofsd(config),
    checkOnPath("mkfs.erofs", "converts container layers", "install the Debian package erofs-utils"),
    checkOnPath("ip", "joins the pod's network", "install the Debian package iproute2"),
    checkOnPath("tc", "joins the pod's network", "install the Debian package iproute2"),
    checkNft(config),
  ];
  return (await Promise.all(checks)).flat();
}

async function checkQemu(config: RuntimeConfig, cacheDir: string): Promise<readonly Check[]> {
  const sight = { name: "qemu", origin: `${config.paths.qemu} --version` };
  return await attempt(sight, async () => {
    const facts = await probeQemu(config.paths.qemu, { cacheDir });
    const isOld = Number.parseInt(facts.version, 10) < wantedMajor;
    const version = isOld
      ? warn(
          sight,
          `version ${facts.version}`,
          "install QEMU 10 (Debian 13, or Debian 12's backports): 7.2 corrupts guests under TCG",
        )
      : ok(sight, `version ${facts.version}`);
    return [version, ...qemuAbilities(config, facts)];
  });
}

function qemuAbilities(
  { vm, paths }: RuntimeConfig,
  facts: {
    readonly path: string;
    readonly objects: readonly string[];
    readonly machineProperties: readonly string[];
    readonly sandbox: boolean;
  },
): readonly Check[] {
  const objects = [
    "memory-backend-memfd",
    ...(vm.tee === "none" ? [] : [`${vm.tee === "snp" ? "sev-snp" : "tdx"}-guest`]),
  ];
  const needed = paths.igvm === "" ? objects : [...objects, "igvm-cfg"];
  const checks = needed.map((object) => {
    const sight = { name: `qemu ${object}`, origin: `${facts.path} -object help` };
    if (facts.objects.includes(object)) return ok(sight, "known");
    const fix =
      object === "igvm-cfg" ? "use a QEMU 10.1 or newer built with libigvm" : "use a newer QEMU, built for this";
    return lacking(sight, "unknown to this QEMU", fix);
  });
  const sight = { name: "qemu sandbox", origin: `${facts.path} -help` };
  if (!vm.sandbox)
    return [
      ...checks,
      warn(sight, "switched off by vm.sandbox", "leave it on: it confines a QEMU that a guest took over"),
    ];
  return [...checks, facts.sandbox ? ok(sight, "seccomp") : warn(sight, "built without seccomp", "use Debian's QEMU")];
}

async function checkAccelerator({ vm, paths }: RuntimeConfig, cacheDir: string): Promise<readonly Check[]> {
  const sight = { name: "kvm", origin: "a guest of 300 bytes, booted with the launch's CPU model" };
  if (vm.accelerator === "tcg") return [warn(sight, "not asked: vm.accelerator is tcg", "use auto where KVM works")];
  return await attempt(sight, async () => {
    const cpu = vm.cpuModel === "" ? "host" : vm.cpuModel;
    const verdict = await probeKvm({ qemu: paths.qemu, cpu, runDir: cacheDir });
    if (verdict.usable) return ok(sight, "runs a guest");
    if (vm.accelerator === "auto" && vm.tee === "none") {
      return warn(
        sight,
        verdict.reason,
        "pods run under TCG here, about ten times slower: use a host with working KVM",
      );
    }
    return lacking(sight, verdict.reason, "this class needs KVM: load kvm_amd or kvm_intel on a bare-metal host");
  });
}

async function checkVsock({ vm, paths }: RuntimeConfig): Promise<readonly Check[]> {
  const kernel = { name: "vsock", origin: "/dev/vhost-vsock" };
  const helper = { name: "vsock", origin: paths.vhostDeviceVsock };
  const hasKernel = await exists("/dev/vhost-vsock");
  const hasHelper = await isExecutable(paths.vhostDeviceVsock);
  if (vm.vsock !== "vhost-user" && hasKernel) return [ok(kernel, "the kernel's vhost-vsock")];
  if (vm.vsock === "vhost") return [lacking(kernel, "is not there", "modprobe vhost_vsock, or set vm.vsock to auto")];
  if (hasHelper) return [ok(helper, "vhost-device-vsock, a helper process for each pod")];
  return [
    lacking(
      helper,
      "neither the kernel's vhost-vsock nor the helper is there",
      "modprobe vhost_vsock, or install vhost-device-vsock",
    ),
  ];
}

async function checkSwtpm(config: RuntimeConfig): Promise<readonly Check[]> {
  if (!usesSwtpm(config)) return [];
  const sight = { name: "swtpm", origin: config.paths.swtpm };
  if (await isExecutable(config.paths.swtpm)) return [ok(sight, "there")];
  return [lacking(sight, "is not there", "install the Debian package swtpm")];
}

async function checkVirtiofsd({ vm, volumes, paths }: RuntimeConfig): Promise<readonly Check[]> {
  if (volumes.hostPaths === "copy" || vm.tee !== "none") return [];
  const sight = { name: "virtiofsd", origin: paths.virtiofsd };
  if (await isExecutable(paths.virtiofsd)) return [ok(sight, "shares host directories with the guest")];
  const fix = "install the Debian package virtiofsd (Debian 12: .ci/setup --what vm)";
  if (volumes.hostPaths === "share") return [lacking(sight, "is not there", fix)];
  return [warn(sight, "is not there: host directories are copied once instead of shared", fix)];
}

/** A pod without port-forward is still a pod. */
async function checkNft({ agent }: RuntimeConfig): Promise<readonly Check[]> {
  if (agent.portForwardPort === 0) return [];
  const found = await findOnPath("nft");
  const sight = { name: "nft", origin: found ?? "PATH" };
  if (found !== undefined) return [ok(sight, "redirects port-forwards into the guest")];
  return [warn(sight, "is not there: pods have no port-forward", "install the Debian package nftables")];
}

async function checkOnPath(program: string, purpose: string, fix: string): Promise<readonly Check[]> {
  const found = await findOnPath(program);
  const sight = { name: program, origin: found ?? "PATH" };
  return [found === undefined ? lacking(sight, `is not there; it ${purpose}`, fix) : ok(sight, purpose)];
}

export async function findOnPath(program: string): Promise<string | undefined> {
  const folders = (process.env["PATH"] ?? "").split(":").filter((folder) => folder.startsWith("/"));
  for (const folder of [...folders, "/usr/sbin", "/sbin"]) {
    const path = join(folder, program);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

export async function exists(path: string): Promise<boolean> {
  return await canAccess(path, constants.F_OK);
}

export async function isExecutable(path: string): Promise<boolean> {
  return await canAccess(path, constants.X_OK);
}

async function canAccess(path: string, mode: number): Promise<boolean> {
  return await access(path, mode).then(
    () => true,
    () => false,
  );
}
