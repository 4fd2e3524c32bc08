// Vectors: reference/confidential-launch.md §5.3 (captured CCELs; two of them equal registers in
// quotes signed by hardware). For TPM logs the peer is tpm2_eventlog of tpm2-tools.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explainEvent } from "../../../../src/measure/eventlog/event-meaning.ts";
import { replayPcrs, replayRtmrs } from "../../../../src/measure/eventlog/replay.ts";
import { parseTcgLog } from "../../../../src/measure/eventlog/tcg-log.ts";
import { parseUserspaceLog, replayUserspaceLog } from "../../../../src/measure/eventlog/userspace-log.ts";
import { MalformedInput } from "../../../../src/measure/reader.ts";
import { buildTcgLog, type TestEvent } from "../../../support/tcg-log.ts";
import { fixture, tool } from "../../../support/tools.ts";

const ZERO = "0".repeat(96);
const ccels = [
  {
    file: "CCEL_data",
    events: 5,
    rtmrs: [
      "2dc712306a963eadb894ad47dbaa17df44814151555aee11cbb843becca88950ffd079664902e6f22c66f7c8213543f4",
      "0fa3be56af61208bbd179dc7b124988eb929319154663c539d6f46445ecac2fec287075047ff7bd1922829fec28cd3cf",
      ZERO,
    ],
  },
  {
    file: "CCEL_data_ovmf",
    events: 20,
    rtmrs: [
      "8566f998798db09443b244c62de9a3041fb02e2e6936c4396d784bba2e90177329ec5aba3bb484404f2ab9cc90abe193",
      "775b9f6bfe99f8a31396f0d0218e67ffa796d3b96ccf961cbb0deba48c79c00f082cda1a5567c1c16305f1fc210c13c6",
      "94eaf7a7bf398ed8d888c91057ae0261802e4f3df084213a76ca7f0b5055ac9d2241de43cd58d9e8b49c503bbf25f34a",
    ],
  },
  {
    file: "CCEL_data_grub",
    events: 37,
    rtmrs: [
      "cec0a104f691f60da2387fea3c2de00c4ac035e2bb479ff02edcce69039d9e9907f0b3e55031da3dc7038f423adebd79",
      "6c289e0c62182d41ebe97bdbc9872d10998a08eaa86adcdc684001a363207ee72942c7522cdf00a4bbc3d784bed7b670",
      "08919d017ba0e52cd6d966351c7de16fe76c1d3d3d3da4554239e4c7d16cb8b82a94e7eaea3a0e6e18eb690b999fd31e",
    ],
  },
  {
    file: "gotdx-cos113-ccel.dat",
    events: 43,
    rtmrs: [
      "3fa2f61f395b7f5feefb4ec2df61297f109ad8abcd6410c1b7df60f21f37b19297fc35e544039c7e1edece752afd17f6",
      "f62dbc072bd5d3f3438b7b35c39a727f5aea2ffc2473f43723953f530daf62504f0a7944aa62c41a86e8a878c2b122c1",
      "4969684dc87381fc3b3134176c8d8806eaf0a901859f5f70cfae8d17714b46c10a8de219048c9fc09f11f381a6fbe7c1",
    ],
  },
];

describe("a CCEL", () => {
  for (const { file, events, rtmrs } of ccels) {
    it(`replays to the registers of confidential-launch.md §5.3: ${file}`, function () {
      const log = parseTcgLog(fixture(this, `tdx/${file}`));
      assert.equal(log.events.length, events);
      assert.deepEqual(
        replayRtmrs(log).map((rtmr) => rtmr.toString("hex")),
        [...rtmrs, ZERO],
      );
    });

    it(`has separators, actions and variables that explain their digests: ${file}`, function () {
      const log = parseTcgLog(fixture(this, `tdx/${file}`));
      const meanings = log.events.map(explainEvent);
      assert.ok(meanings.some(({ explained }) => explained === true));
      assert.ok(!meanings.some(({ explained }) => explained === false));
    });
  }

  it("shows an event whose text was exchanged", function () {
    const bytes = Buffer.from(fixture(this, "tdx/CCEL_data_ovmf"));
    bytes.write("Calling EFI Application from Boot Optiom", bytes.indexOf("Calling EFI Application"));
    const meanings = parseTcgLog(bytes).events.map(explainEvent);
    assert.deepEqual(
      meanings.filter(({ explained }) => explained === false).map(({ text }) => text),
      ["Calling EFI Application from Boot Optiom"],
    );
  });
});

const SECTION = Buffer.from(".linux\0", "utf16le");
const events: readonly TestEvent[] = [
  { index: 0, type: 8, data: Buffer.from("v1\0", "utf16le") },
  { index: 4, type: 0x80000007, data: Buffer.from("Calling EFI Application from Boot Option") },
  { index: 4, type: 4, data: Buffer.alloc(4) },
  { index: 11, type: 0xd, data: SECTION, hashed: Buffer.from(".linux\0") },
  { index: 11, type: 0xd, data: SECTION, hashed: Buffer.from("kernel bytes") },
];
const banks = ["sha1", "sha256", "sha384"] as const;

describe("a TPM event log", () => {
  const bytes = buildTcgLog(banks, events);

  for (const bank of banks) {
    it(`replays to what tpm2_eventlog computes in ${bank}`, function () {
      const peer = tpm2Eventlog(tool(this, "tpm2_eventlog"), bytes);
      const own = replayPcrs(parseTcgLog(bytes), bank);
      assert.deepEqual(
        [...own.keys()].sort((a, b) => a - b),
        [0, 4, 11],
      );
      for (const [index, value] of own) assert.equal(value.toString("hex"), peer.get(`${bank}:${index}`));
    });
  }

  it("starts PCR 0 at the locality that the log names (TPM 2.0 Library Part 1 §12.2.3.2)", () => {
    const locality = { index: 0, type: 3, data: Buffer.from("StartupLocality\0\x03", "latin1") };
    const pcr0 = replayPcrs(parseTcgLog(buildTcgLog(["sha256"], [locality])), "sha256").get(0);
    assert.equal(pcr0?.toString("hex"), `${"00".repeat(31)}03`);
  });

  it("ends at unwritten space of zeros or ones", () => {
    for (const fill of [0, 0xff]) {
      const log = parseTcgLog(Buffer.concat([bytes, Buffer.alloc(4096, fill)]));
      assert.equal(log.size, bytes.length);
      assert.equal(log.events.length, events.length);
    }
  });

  it("tells a section's name from its content", () => {
    const meanings = parseTcgLog(bytes).events.slice(-2).map(explainEvent);
    assert.deepEqual(meanings, [
      { text: "name .linux", explained: true },
      { text: "content .linux", explained: undefined },
    ]);
  });

  it("is refused when cut inside any record, with an offset inside the log", () => {
    const ends = new Set(parseTcgLog(bytes).events.map(({ offset }) => offset));
    let refused = 0;
    for (let length = 0; length < bytes.length; length++) {
      try {
        parseTcgLog(bytes.subarray(0, length));
        assert.ok(
          [...ends].some((end) => length >= end && length < end + 8),
          `a log cut at ${length} was taken`,
        );
      } catch (error) {
        assert.ok(error instanceof MalformedInput && error.offset <= length, String(error));
        refused++;
      }
    }
    assert.ok(refused > bytes.length / 2);
  });

  it("is refused for PCR 24 and for a bank that an event lacks", () => {
    const beyond = parseTcgLog(buildTcgLog(["sha256"], [{ index: 24, type: 4, data: Buffer.alloc(4) }]));
    assert.throws(() => replayPcrs(beyond, "sha256"), /extends PCR 24/);
    assert.throws(() => replayPcrs(parseTcgLog(buildTcgLog(["sha256"], events)), "sha384"), /no sha384 digest/);
  });
});

describe("systemd's userspace log", () => {
  const record = (pcr: number, text: string): string => {
    const digest = (name: string) => ({ hashAlg: name, digest: createHash(name).update(text).digest("hex") });
    const content = { string: text, bootId: "0".repeat(32), timestamp: 1, eventType: "phase" };
    return `\x1e${JSON.stringify({ pcr, digests: [digest("sha256"), { hashAlg: "sm3", digest: "00" }], content })}\n`;
  };

  it("continues the firmware's registers to the value of the phase (confidential-launch.md §5.5)", () => {
    const stub = Buffer.from("58693d997b0561dd1c03f11c3279cf104ea8b43418c52687de24fe3072586fcb", "hex");
    const words = ["enter-initrd", "leave-initrd", "sysinit", "ready"];
    const records = parseUserspaceLog(Buffer.from(words.map((word) => record(11, word)).join("")));
    const after = replayUserspaceLog(records, "sha256", new Map([[11, stub]]));
    const ready = "7fd562a4ebcdb39b598246d9342eb32da5f70fd94b21c9d9d84cc02dd28067a2";
    assert.equal(after.get(11)?.toString("hex"), ready);
    assert.deepEqual(
      records.map(({ text }) => text),
      words,
    );
  });

  it("leaves alone the banks that a record does not name, as the TPM did", () => {
    const [only] = parseUserspaceLog(Buffer.from(record(8, "initdata")));
    assert.ok(only !== undefined);
    assert.deepEqual([...replayUserspaceLog([only], "sha256", new Map()).keys()], [8]);
    assert.equal(replayUserspaceLog([only], "sha384", new Map()).size, 0);
  });

  it("may be empty", () => {
    assert.deepEqual(parseUserspaceLog(Buffer.alloc(0)), []);
  });

  for (const [name, text] of [
    ["a torn record", `${record(11, "sysinit")}\x1e{"pcr":11,"dig`],
    ["no record separator", '{"pcr":1}'],
    ["a register that no TPM has", record(24, "x")],
  ] as const) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => parseUserspaceLog(Buffer.from(text)), MalformedInput);
    });
  }
});

/** `bank:index` to value, from the `pcrs:` part of the tool's YAML. */
function tpm2Eventlog(program: string, log: Buffer): Map<string, string> {
  const dir = mkdtempSync(join(tmpdir(), "eventlog-"));
  try {
    writeFileSync(join(dir, "log"), log);
    const yaml = execFileSync(program, [join(dir, "log")], { stdio: ["ignore", "pipe", "ignore"] }).toString();
    const values = new Map<string, string>();
    let bank = "";
    for (const line of yaml.slice(yaml.indexOf("\npcrs:")).split("\n")) {
      bank = /^ {2}(\w+):\s*$/.exec(line)?.[1] ?? bank;
      const [, index, value] = /^ {4}(\d+)\s*: 0x([0-9a-f]+)/.exec(line) ?? [];
      if (index !== undefined && value !== undefined) values.set(`${bank}:${index}`, value);
    }
    return values;
  } finally {
    rmSync(dir, { recursive: true });
  }
}
