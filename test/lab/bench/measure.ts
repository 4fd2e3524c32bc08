// What measuring costs beside the tools that people use today: the launch digest of a 4 MiB firmware beside
// sev-snp-measure (PyPI), a verity tree beside veritysetup. Both sides must come to the same digest. The peer's
// whole run is shorter than the start of Node, so the floor is told, and what one run of ours answers at once.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { firmwareGuids, parseOvmf } from "../../../src/measure/ovmf.ts";
import { parseVcpuType } from "../../../src/measure/snp/cpu-models.ts";
import { measureSnp, snpLayout } from "../../../src/measure/snp/launch-digest.ts";
import { firmwareImage, type Section, sevMetadata, u32 } from "../../support/firmware-image.ts";
import { installPeer } from "../../support/sev-snp-measure.ts";
import { mustSucceed, runCommand } from "../command.ts";
import { programs } from "../handlers.ts";
import { type Run, report, samplesInTurn, timedInTurn } from "./samples.ts";

const PEER = "sev-snp-measure";
const FIRMWARE_BYTES = 4 << 20;
const VERITY_BYTES = 256 << 20;
const VCPUS = 4;
/** A class that offers 1 to this many vCPUs has as many digests. */
const RUNGS = 16;
const CPU = "EPYC-v4";
const kataCvm = join(programs, "kata-cvm");
/** As in OVMF's AmdSev build: memory for the firmware, secrets, CPUID, calling area, kernel hashes. */
const sections: readonly Section[] = [
  [0x800000, 0x9000, 1],
  [0x80a000, 0x3000, 1],
  [0x80d000, 0x1000, 2],
  [0x80e000, 0x1000, 3],
  [0x80f000, 0x1000, 4],
  [0x810000, 0x1000, 0x10],
];

export async function benchMeasure(folder: string, rounds: number): Promise<Run[]> {
  return [...(await benchSnp(folder, rounds)), ...(await benchVerity(folder, Math.min(rounds, 3)))];
}

async function benchSnp(folder: string, rounds: number): Promise<Run[]> {
  const peer = installPeer();
  const ovmf = join(folder, "OVMF-4M.fd");
  const firmware = sevFirmware();
  writeFileSync(ovmf, firmware);
  const words = (vcpus: number) => ["--vcpus", String(vcpus), "--vcpu-type", CPU, "--ovmf", ovmf];
  const digestOf = async (argv: readonly string[]) => (await mustSucceed(runCommand(argv))).stdout.toString().trim();
  const own = () => digestOf([kataCvm, "measure", "snp", ...words(VCPUS)]);
  const theirs = (vcpus = VCPUS) => digestOf([...peer.tool, "--mode", "snp", ...words(vcpus)]);
  const ownLadder = () => digestOf([kataCvm, "measure", "snp", "--ladder", ...words(RUNGS)]);
  const theirLadder = async () => {
    const digests: string[] = [];
    for (let vcpus = 1; vcpus <= RUNGS; vcpus++) digests.push(`${await theirs(vcpus)}  ${vcpus} vCPU`);
    return digests.join("\n");
  };
  await mustAgree("launch digests", own, theirs);
  await mustAgree("ladders", ownLadder, theirLadder);
  const node = () => digestOf([process.execPath, "--no-warnings", "-e", "0"]);
  const [ours = [], peers = [], floor = []] = await timedInTurn(rounds, [own, () => theirs(), node]);
  const [ladder = [], peerLadder = []] = await timedInTurn(Math.min(rounds, 3), [ownLadder, theirLadder]);
  const [alone = [], peerAlone = [], bare = []] = await samplesInTurn(rounds, [
    async () => timed(() => digestInside(firmware)),
    async () => Number(await digestOf([...peer.python, "-c", timedPeer(ovmf)])),
    async () => timed(() => createHash("sha384").update(firmware).digest()),
  ]);
  const what = "launch digest of a 4 MiB OVMF";
  return [
    ownAndPeer(`${what}, whole process`, ours, { name: PEER, samples: peers }),
    ownAndPeer("its floor: Node that does nothing", floor, { name: PEER, samples: peers }),
    ownAndPeer(`${what}, whole process`, ours, { name: "Node that does nothing", samples: floor }),
    ownAndPeer(`${what}, inside a process`, alone, { name: PEER, samples: peerAlone }),
    ownAndPeer(`${what}, inside a process`, alone, { name: "one SHA-384 of the same bytes", samples: bare }),
    ownAndPeer(`digests of 1 to ${RUNGS} vCPUs, whole process`, ladder, {
      name: `${RUNGS} runs of ${PEER}`,
      samples: peerLadder,
    }),
  ];
}

function ownAndPeer(name: string, samples: readonly number[], peer: { name: string; samples: readonly number[] }): Run {
  return report({ name, unit: "ms", samples }, { unit: "ms", ...peer });
}

async function mustAgree(what: string, own: () => Promise<string>, peer: () => Promise<string>): Promise<void> {
  const [first, second] = [await own(), await peer()];
  if (first !== second) throw new Error(`the ${what} differ: ${first}, ${PEER} ${second}`);
}

function timed(work: () => unknown): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

function digestInside(firmware: Uint8Array): void {
  const layout = snpLayout(parseOvmf(firmware));
  measureSnp({ layout, vcpus: VCPUS, vcpuSignature: parseVcpuType(CPU), guestFeatures: 1n, vmm: "qemu" });
}

/** The second digest of a process: the first would count loading. */
function timedPeer(ovmf: string): string {
  return [
    "import time",
    "from sevsnpmeasure import guest, vcpu_types",
    "from sevsnpmeasure.sev_mode import SevMode",
    `run = lambda: guest.calc_launch_digest(SevMode.SEV_SNP, ${VCPUS}, vcpu_types.CPU_SIGS["${CPU}"], "${ovmf}", None, None, None, 1)`,
    "run(); a = time.perf_counter(); run(); print((time.perf_counter() - a) * 1000)",
  ].join("\n");
}

async function benchVerity(folder: string, rounds: number): Promise<Run[]> {
  const data = join(folder, "verity-data");
  const tree = join(folder, "verity-tree");
  execFileSync("dd", ["if=/dev/urandom", `of=${data}`, "bs=1M", `count=${VERITY_BYTES >> 20}`, "status=none"]);
  const own = async () => {
    const { stdout } = await mustSucceed(runCommand([kataCvm, "measure", "verity", "--data", data, "--json"]));
    return (JSON.parse(stdout.toString()) as { rootHash: string }).rootHash;
  };
  const peer = async () => {
    const { stdout } = await mustSucceed(runCommand(["veritysetup", "format", "--salt=-", data, tree]));
    return /^Root hash:\s+([0-9a-f]+)$/m.exec(stdout.toString())?.[1];
  };
  const [first, second] = [await own(), await peer()];
  if (first !== second) throw new Error(`the root hashes differ: ${first}, veritysetup ${second}`);
  const [ours = [], peers = []] = await timedInTurn(rounds, [own, peer]);
  return [
    report(
      { name: "verity root hash of 256 MiB", unit: "ms", samples: ours },
      { name: "veritysetup format", unit: "ms", samples: peers },
    ),
  ];
}

function sevFirmware(): Buffer {
  const noise = Buffer.alloc(FIRMWARE_BYTES - 8192);
  for (let at = 0; at < noise.length; at += 32) createHash("sha256").update(String(at)).digest().copy(noise, at);
  return firmwareImage({
    size: FIRMWARE_BYTES,
    entries: [
      [firmwareGuids.sevMetadata, u32(8192)],
      [firmwareGuids.sevHashTable, u32(0x810c00, 0x400)],
      [firmwareGuids.sevEsReset, u32(0x80b004)],
    ],
    patches: [
      [0, noise],
      [FIRMWARE_BYTES - 8192, sevMetadata(sections)],
    ],
  });
}
