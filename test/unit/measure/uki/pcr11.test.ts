// Values: reference/confidential-launch.md §5.5 (systemd-measure 252 agrees), PCR 7 as read
// in a guest booted by Debian's OVMF_CODE_4M (no keys) with swtpm, policy and signature by systemd-measure 257.13 sign.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MalformedInput } from "../../../../src/measure/reader.ts";
import { measurePcr7, pcr7Steps, SECURE_BOOT_ABSENT, SECURE_BOOT_OFF } from "../../../../src/measure/uki/pcr7.ts";
import { measurePcr11, PLAIN_INITRD_PHASES, SYSTEMD_INITRD_PHASES } from "../../../../src/measure/uki/pcr11.ts";
import { checkPcrSignatures, parsePcrSignatures } from "../../../../src/measure/uki/pcrsig.ts";
import { parseUki } from "../../../../src/measure/uki/uki.ts";
import { buildPe } from "../../../support/pe-image.ts";
import { tool } from "../../../support/tools.ts";

const parts = {
  linux: Buffer.from("linux-kernel-test\n"),
  osrel: Buffer.from("ID=kata-test\n"),
  cmdline: Buffer.from("console=ttyS0 root=/dev/mapper/root ro"),
  initrd: Buffer.from("initrd-test\n"),
};
// In the file the sections stand in another order than they are measured in.
const uki = parseUki(
  buildPe([
    { name: ".text", content: Buffer.from("code") },
    { name: ".initrd", content: parts.initrd },
    { name: ".cmdline", content: parts.cmdline },
    { name: ".osrel", content: parts.osrel },
    { name: ".linux", content: parts.linux },
    { name: ".dtb", content: Buffer.alloc(0) },
  ]),
);

// `systemd-measure sign --phase=sysinit` over the parts above, with a key made for this test.
const PUBLIC_KEY = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzcDr61LXB/ynU49dszH3
/It4Soljdc3tT/55foxSeh8J8ydNXAhHPL4UCL0i59BlCPEQxQIWZ7waq6OhkYtt
FhK/W3aC927qZliUOiiD64/KPp6X+d8FZDigp7PFn+HJAcrfcRMCuLlXZcRni/F3
FAKQy4JcnqhuJB0WZF8hs24ynNXijn4TBDbE574Y4F2LBd0u5mNgXvQ0FQ1mA0zZ
ERQZYf6kxmHhzo08tPgpw9ZIvQziEgvzvh2yJCJwPVrk3tkOHOfC3nnI3wVhr7GG
jZxTkrbK4mL8ohecy/Gq8nuuhKelO8CS3h8RPmIFkj/BYob69B9cR9BN1Ci/F5ke
7QIDAQAB
-----END PUBLIC KEY-----
`;
const PCRSIG_JSON = `{"sha256":[{"pcrs":[11],"pkfp":"901c0fab7fa1a0d8f69c271d1f206b1de59e12edd9c6f08979d3cf2170bcd9ba","pol":"cb7fbae2c9da2552d0ec529b9296128b06fbc446fd594d7a3be6fb2fa2e3cd7b","sig":"zQxpIU3I+sJewoLxT/GAWaUnM9ofQH/ByMZ02heL+kjBpscYVBvobsMSkUJB8886PFvZYJQCPdY+cxGyhfEzn3+REzv+HXiLo7x3+Y0evru7Rj1CQiRaL8iBXOWoepgLemDhT7l7Ynf4c352FPvs/K0v2iYS5OWs7YV/l4wjsoiKL9bB74okC3PfBg1iAo6ZxYw9FOebFciU/I71xgjmizyLJlAKnM7PiBDx/AGMSroKeKMQ5qG94k5hWJH26PPGv9Fnz9OKYFiUzhu/B4Idft/m7pcTuzqskQpPKWiH0idDjq99fBKRgxabGRQWBll0bAWRVIT454dPJtARLbtSLw=="}],"sha384":[{"pcrs":[11],"pkfp":"901c0fab7fa1a0d8f69c271d1f206b1de59e12edd9c6f08979d3cf2170bcd9ba","pol":"461d40676b03d05e5ed839605c29cd600d4561d33950594c2564ad17ec184861","sig":"ZdwEO5XSu0dpsyVomGWonCeQqKohLnbmSdO6OBQbaJWZPtuw9O/C4KP8xepWYJ2kJXMbhC1aIcy/51aGR1bctjLTWdm8rMRlJIgdhTr/VSeP+RXseREr/Wvc4SB56su2XFvM9YEPMAWeXZC0khAq4FcuTwhnZRGhcT5krB1IqKOWcadHigG/eKOS2SRSAQh3v0eBirVJK4OvqRAElK4J7YMreoO/rEDf0MyrVq1kS+aXsScf3fsKoPfAqjIlk4Npl0T4AtGC8VlXTMThF5Zf2LqB2YCYSTrabPl2uUf355SL31+hXFi2RPYabje0xXensx/KB1CHD44xip9FLgg7qA=="}]}`;

const vectors = {
  sha256: {
    "": "58693d997b0561dd1c03f11c3279cf104ea8b43418c52687de24fe3072586fcb",
    "enter-initrd": "a77a9a163253b9539150b3c5f7d8a72abdff11632644dc67d63377498899b438",
    "enter-initrd:leave-initrd:sysinit:ready": "7fd562a4ebcdb39b598246d9342eb32da5f70fd94b21c9d9d84cc02dd28067a2",
    sysinit: "10aa094766a0de46a68d1437c1fe9ae5c18ffa7254c5a2e293ebcb03898d0f1a",
  },
  sha384: {
    "": "4183599898fcc6a49eb32aa28f26b55d4cdd60d378e0c5a77a221aa6a3adeea5d0e9b058ecac3ee6173eb8c20f5715ce",
    "enter-initrd": "b1693f798e61e790f2047293d629066a37e25e2d67a6cfe173b693aa10d93e3813f61a94cd7f049b0f5a6689e501df95",
    "enter-initrd:leave-initrd:sysinit:ready":
      "725c4876dedb051fc70a4bda7e9cf4c8ea6de4e461f6712c3aaa49d96363869d907d163671d4be3f420764e6a4871dbe",
  },
} as const;

describe("PCR 11 of a UKI", () => {
  for (const bank of ["sha256", "sha384"] as const) {
    for (const [phase, value] of Object.entries(vectors[bank])) {
      it(`has the value of confidential-launch.md §5.5 in ${bank} after "${phase}"`, () => {
        assert.equal(measurePcr11(uki.sections, bank, phase).toString("hex"), value);
      });
    }
  }

  for (const bank of ["sha1", "sha256", "sha384", "sha512"] as const) {
    it(`equals systemd-measure for every phase of both kinds of initrd in ${bank}`, function () {
      const program = tool(this, "/usr/lib/systemd/systemd-measure", "/lib/systemd/systemd-measure");
      const paths = [...new Set([...SYSTEMD_INITRD_PHASES, ...PLAIN_INITRD_PHASES])];
      const peer = systemdMeasure(program, bank, paths);
      for (const path of paths)
        assert.equal(measurePcr11(uki.sections, bank, path).toString("hex"), peer.get(path), path);
    });
  }
});

describe("UKI sections", () => {
  const linux = { name: ".linux", content: parts.linux };

  it("are measured with VirtualSize bytes: without file padding, zero filled when larger", () => {
    const grown = parseUki(buildPe([{ ...linux, virtualSize: parts.linux.length + 600 }]));
    const filled = Buffer.concat([parts.linux], parts.linux.length + 600);
    assert.deepEqual(Buffer.from(grown.sections[0]!.bytes), filled);
    const cut = parseUki(buildPe([{ ...linux, virtualSize: 5 }]));
    assert.equal(Buffer.from(cut.sections[0]!.bytes).toString(), "linux");
  });

  it("of one name count once, the first", () => {
    const twice = parseUki(
      buildPe([
        linux,
        { name: ".uname", content: Buffer.from("6.1") },
        { name: ".uname", content: Buffer.from("6.2") },
      ]),
    );
    assert.equal(Buffer.from(twice.sections[1]!.bytes).toString(), "6.1");
  });

  for (const name of [".dtbauto", ".hwids", ".efifw"]) {
    it(`that depend on the hardware are refused: ${name}`, () => {
      assert.throws(() => parseUki(buildPe([linux, { name, content: parts.osrel }])), MalformedInput);
    });
  }

  it("without .linux are no UKI", () => {
    assert.throws(() => parseUki(buildPe([{ name: ".osrel", content: parts.osrel }])), /no \.linux/);
  });
});

describe("PCR 7 without Secure Boot", () => {
  it("is what a booted guest shows when no keys are enrolled", () => {
    const off = "65caf8dd1e0ea7a6347b635d2b379c93b9a1351edc2afc3ecda700e534eb3068";
    assert.equal(measurePcr7(SECURE_BOOT_OFF, "sha256").toString("hex"), off);
  });

  it("hashes the variables as TDX logs do (confidential-launch.md §4.4, constant event digests)", () => {
    const digests = pcr7Steps(SECURE_BOOT_ABSENT, "sha384").map((step) => step.digest.toString("hex").slice(0, 16));
    assert.deepEqual(digests, [
      "9dc3a1f80bcec915",
      "6f2e3cbc14f9def8",
      "d607c0efb41c0d75",
      "08a74f8963b337ac",
      "18cc6e01f0c6ea99",
      "394341b7182cd227",
    ]);
  });
});

describe("a signed PCR 11 policy", () => {
  const signatures = parsePcrSignatures(Buffer.from(PCRSIG_JSON));
  const values = (bank: "sha256" | "sha384") => [
    { phase: "sysinit", value: measurePcr11(uki.sections, bank, "sysinit") },
  ];

  it("made by systemd-measure 257 verifies for the predicted value, in each bank", () => {
    for (const bank of ["sha256", "sha384"] as const) {
      const [check] = checkPcrSignatures(signatures, Buffer.from(PUBLIC_KEY), { bank, values: values(bank) });
      assert.equal(check?.ok, true, check?.detail);
    }
  });

  it("fails for a value that nobody signed, with the policy in the detail", () => {
    const other = [{ phase: "x", value: Buffer.alloc(32) }];
    const [check] = checkPcrSignatures(signatures, Buffer.from(PUBLIC_KEY), { bank: "sha256", values: other });
    assert.equal(check?.ok, false);
    assert.match(check?.detail ?? "", /^no signature for policy [0-9a-f]{64}$/);
  });

  it("fails when the signature bytes differ", () => {
    const forged = signatures.map((one) => ({ ...one, signature: Buffer.alloc(256, 1) }));
    const [check] = checkPcrSignatures(forged, Buffer.from(PUBLIC_KEY), { bank: "sha256", values: values("sha256") });
    assert.equal(check?.detail, "the signature does not verify");
  });
});

function systemdMeasure(program: string, bank: string, paths: readonly string[]): Map<string, string> {
  const dir = mkdtempSync(join(tmpdir(), "measure-"));
  try {
    const inputs = Object.entries(parts).map(([name, content]) => {
      writeFileSync(join(dir, name), content);
      return `--${name}=${join(dir, name)}`;
    });
    const phases = paths.map((path) => `--phase=${path === "" ? ":" : path}`);
    const out = execFileSync(program, ["calculate", ...inputs, `--bank=${bank}`, ...phases, "--json=short"]).toString();
    const rows = (JSON.parse(out) as Record<string, { phase?: string; hash: string }[]>)[bank] ?? [];
    return new Map(rows.map(({ phase = "", hash }) => [phase, hash]));
  } finally {
    rmSync(dir, { recursive: true });
  }
}
