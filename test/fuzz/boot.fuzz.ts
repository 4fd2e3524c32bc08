// Fuzz targets of what a boot is made from: images, logs, verity, initdata.
import { explainEvent } from "../../src/measure/eventlog/event-meaning.ts";
import { replayPcrs, replayRtmrs } from "../../src/measure/eventlog/replay.ts";
import { parseTcgLog } from "../../src/measure/eventlog/tcg-log.ts";
import { parseUserspaceLog, replayUserspaceLog } from "../../src/measure/eventlog/userspace-log.ts";
import { measureInitdata } from "../../src/measure/initdata/initdata.ts";
import { measureAuthenticode } from "../../src/measure/uki/authenticode.ts";
import { SYSTEMD_INITRD_PHASES } from "../../src/measure/uki/pcr11.ts";
import { checkPcrSignatures, parsePcrSignatures } from "../../src/measure/uki/pcrsig.ts";
import { parsePe, sectionBytes } from "../../src/measure/uki/pe.ts";
import { predictUkiPcrs } from "../../src/measure/uki/predict-pcrs.ts";
import { parseUki } from "../../src/measure/uki/uki.ts";
import { DEFAULT_VERITY, parseSuperblock, renderSuperblock } from "../../src/measure/verity/superblock.ts";
import { ecKey } from "../support/mint.ts";
import { buildPe } from "../support/pe-image.ts";
import { buildTcgLog } from "../support/tcg-log.ts";
import { optionalFixture } from "../support/tools.ts";
import type { FuzzTarget } from "./target.ts";

const kernel = buildPe([{ name: ".text", content: Buffer.from("kernel") }]);
const uki = buildPe([
  { name: ".linux", content: kernel },
  { name: ".osrel", content: Buffer.from("ID=test\n") },
  { name: ".cmdline", content: Buffer.from("console=ttyS0") },
  { name: ".initrd", content: Buffer.from("initrd") },
  { name: ".pcrsig", content: Buffer.from("{}") },
]);
const tcg2 = buildTcgLog(
  ["sha1", "sha256", "sha384"],
  [
    { index: 0, type: 3, data: Buffer.from("StartupLocality\0\x03", "latin1") },
    { index: 7, type: 0x80000001, data: Buffer.alloc(40, 1) },
    { index: 4, type: 0x80000007, data: Buffer.from("Calling EFI Application from Boot Option") },
    { index: 9, type: 6, data: Buffer.from("ec223b8f0d0000004c696e757820696e6974726400", "hex") },
    { index: 11, type: 0xd, data: Buffer.from(".linux\0", "utf16le") },
  ],
);
const userspace = `\x1e${JSON.stringify({
  pcr: 11,
  digests: [{ hashAlg: "sha256", digest: "ab".repeat(32) }],
  content: { string: "sysinit", eventType: "phase" },
})}\n`;
const publicKey = Buffer.from(ecKey("P-256").publicKey.export({ type: "spki", format: "pem" }));
const pcrsig = JSON.stringify({ sha256: [{ pcrs: [11], pkfp: "00".repeat(32), pol: "11".repeat(32), sig: "AAAA" }] });

export const targets: readonly FuzzTarget[] = [
  {
    name: "pe",
    seeds: () => [kernel, uki],
    run(bytes) {
      const image = parsePe(bytes);
      measureAuthenticode(image, "sha256");
      for (const section of image.sections) sectionBytes(image, section);
    },
  },
  {
    name: "uki",
    seeds: () => [uki],
    run: (bytes) => void predictUkiPcrs(parseUki(bytes), "sha256", SYSTEMD_INITRD_PHASES),
  },
  {
    name: "pcrsig",
    seeds: () => [Buffer.from(pcrsig)],
    run(bytes) {
      const values = [{ phase: "", value: Buffer.alloc(32) }];
      checkPcrSignatures(parsePcrSignatures(bytes), publicKey, { bank: "sha256", values });
    },
  },
  {
    name: "tcg2",
    seeds: () => [tcg2, Buffer.concat([tcg2, Buffer.alloc(64, 0xff)])],
    run(bytes) {
      const log = parseTcgLog(bytes);
      log.events.map(explainEvent);
      for (const bank of log.banks) replayPcrs(log, bank);
    },
  },
  {
    name: "ccel",
    seeds: () =>
      ["CCEL_data", "CCEL_data_ovmf", "CCEL_data_grub"].flatMap((file) => {
        const bytes = optionalFixture(`tdx/${file}`);
        return bytes === undefined ? [] : [bytes.subarray(0, parseTcgLog(bytes).size + 16)];
      }),
    run(bytes) {
      const log = parseTcgLog(bytes);
      log.events.map(explainEvent);
      replayRtmrs(log);
    },
  },
  {
    name: "userspace-log",
    seeds: () => [Buffer.from(userspace), Buffer.from(userspace.repeat(3))],
    run: (bytes) => void replayUserspaceLog(parseUserspaceLog(bytes), "sha256", new Map()),
  },
  {
    name: "verity",
    seeds: () => [
      renderSuperblock({ ...DEFAULT_VERITY, uuid: "00".repeat(16), dataBlocks: 9, salt: Buffer.alloc(32, 7) }),
    ],
    run: (bytes) => void parseSuperblock(bytes),
  },
  {
    name: "initdata",
    seeds: () => [
      Buffer.from(
        'version = "0.1.0"\nalgorithm = "sha256"\n\n[data]\n"aa.toml" = """\n[token]\n"""\n"policy.rego" = \'x\'\n',
      ),
    ],
    run: (bytes) => void measureInitdata(bytes),
  },
];
