// The guest image alone, without a shim: both classes boot under QEMU, the registers hold what the files predict,
// and a root that is not the named one never runs. The agent is a script that reports on the console.
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureInitdata } from "../../src/measure/initdata/initdata.ts";
import { predictUkiPcrs } from "../../src/measure/uki/predict-pcrs.ts";
import { parseUki } from "../../src/measure/uki/uki.ts";
import { packInitdataDisk } from "../../src/plan/initdata.ts";

const firmware = "/usr/share/ovmf/OVMF.fd";
const bootMs = 240_000;
const refusalMs = 120_000;
const document = Buffer.from('version = "0.1.0"\nalgorithm = "sha256"\n[data]\n"aa.toml" = "[token_configs]"\n');

interface Boot {
  readonly console: string;
  /** by itself, not by us */
  readonly ended: boolean;
}

interface ImageFacts {
  readonly cmdline: string;
  readonly rootHash: string;
}

describe("the guest image", function () {
  this.timeout(600_000);
  const dir = mkdtempSync(join(tmpdir(), "kata-cvm-image-"));
  const image = join(dir, "image");
  const children: ChildProcess[] = [];
  const facts = () => JSON.parse(readFileSync(join(image, "image.json"), "utf8")) as ImageFacts;

  before(() => {
    execFileSync("configs/guest-image/build", ["--agent", "test/e2e/image-probe.sh", "--out", image], {
      stdio: "ignore",
    });
  });
  after(() => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  });

  it("boots kernel and initrd directly, with a verity root, no disk of its own and no failed unit", async () => {
    const { console } = await boot(direct(facts().cmdline), "PROBE end", bootMs);
    assert.match(console, /PROBE mounts \/dev\/dm-0 erofs/);
    assert.match(console, /PROBE failed-units 0/);
    assert.doesNotMatch(console, /PROBE pcr/);
  });

  it("boots the UKI by firmware and leaves the predicted registers", async () => {
    writeFileSync(join(dir, "initdata.img"), packInitdataDisk(document));
    writeFileSync(join(dir, "scratch.img"), "");
    truncateSync(join(dir, "scratch.img"), 256 << 20);
    const extra = [
      ...disk("initdata", join(dir, "initdata.img"), true),
      ...disk("scratch", join(dir, "scratch.img"), false),
    ];
    const { console } = await boot([...measured(), ...extra], "PROBE end", bootMs);
    const expected = predictUkiPcrs(parseUki(readFileSync(join(image, "uki.efi"))), "sha256", ["sysinit:ready"]);
    assert.deepEqual(registers(console), {
      4: expected.pcr4.direct.toString("hex"),
      8: measureInitdata(document).pcr8.toString("hex"),
      9: "value" in expected.pcr9 ? expected.pcr9.value.toString("hex") : expected.pcr9.unknown,
      11: expected.pcr11[0]?.value.toString("hex"),
      12: "0".repeat(64),
      13: "0".repeat(64),
    });
    assert.match(console, /PROBE mounts \/dev\/dm-0 erofs \/dev\/mapper\/scratch/);
    assert.match(console, /PROBE initdata aa.toml initdata.toml/);
    assert.match(console, /PROBE failed-units 0/);
  });

  it("refuses a root hash that is not the root's, in one line, and powers off", async () => {
    const { cmdline, rootHash } = facts();
    const other = `${rootHash.startsWith("0") ? "1" : "0"}${rootHash.slice(1)}`;
    const { console, ended } = await boot(direct(cmdline.replace(rootHash, other)), undefined, refusalMs);
    assert.match(console, /kata-cvm-init: refused to boot: root hash mismatch/);
    assert.equal(ended, true);
    assert.doesNotMatch(console, /PROBE/);
  });

  it("refuses a root whose first block was changed", async () => {
    const changed = join(dir, "changed.erofs");
    copyFileSync(join(image, "root.erofs"), changed);
    writeSync(openSync(changed, "r+"), Buffer.from([1]), 0, 1, 0);
    const { console, ended } = await boot(direct(facts().cmdline, changed), undefined, refusalMs);
    assert.match(console, /kata-cvm-init: refused to boot: root hash mismatch/);
    assert.equal(ended, true);
  });

  it("refuses initdata that is no document, and powers off before the agent", async () => {
    writeFileSync(join(dir, "bad.img"), packInitdataDisk(Buffer.from("this is not TOML")));
    const argv = [...direct(facts().cmdline), ...disk("initdata", join(dir, "bad.img"), true)];
    const { console, ended } = await boot(argv, undefined, bootMs);
    assert.match(console, /kata-initdata: refused: /);
    assert.equal(ended, true);
    assert.doesNotMatch(console, /PROBE/);
  });

  function disk(id: string, file: string, readonly: boolean): string[] {
    return [
      ...["-drive", `if=none,id=${id},file=${file},format=raw,readonly=${readonly ? "on" : "off"}`],
      ...["-device", `virtio-blk-pci,drive=${id},serial=${id}`],
    ];
  }

  function machine(root: string): string[] {
    return [
      ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"],
      ...["-accel", "tcg,thread=single", "-machine", "q35,smm=off,vmport=off"],
      ...["-cpu", "max,-erms,-fsrm,-la57", "-smp", "2", "-m", "1024M"],
      ...disk("root", root, true),
      ...disk("verity", join(image, "root.verity"), true),
    ];
  }

  function direct(cmdline: string, root = join(image, "root.erofs")): string[] {
    const kernel = ["-kernel", join(image, "vmlinuz"), "-initrd", join(image, "initrd.img"), "-append", cmdline];
    return [...machine(root), ...kernel];
  }

  function measured(): string[] {
    const tpm = join(dir, "tpm");
    const socket = join(tpm, "control.sock");
    execFileSync("mkdir", ["-p", tpm]);
    execFileSync("swtpm_setup", ["--tpm2", "--tpmstate", tpm, "--pcr-banks", "sha256", "--overwrite"], {
      stdio: "ignore",
    });
    const control = ["--ctrl", `type=unixio,path=${socket}`, "--terminate"];
    children.push(spawn("swtpm", ["socket", "--tpm2", "--tpmstate", `dir=${tpm}`, ...control], { stdio: "ignore" }));
    execFileSync("timeout", ["10", "sh", "-c", `until [ -S ${socket} ]; do sleep 0.05; done`]);
    assert.ok(existsSync(firmware), `${firmware} is missing; run .ci/setup --what vm`);
    return [
      ...machine(join(image, "root.erofs")),
      ...["-bios", firmware, "-kernel", join(image, "uki.efi")],
      ...["-chardev", `socket,id=tpmc,path=${socket}`, "-tpmdev", "emulator,id=tpm0,chardev=tpmc"],
      ...["-device", "tpm-crb,tpmdev=tpm0"],
    ];
  }

  /** Runs QEMU until `marker` is on the console, or until it ends. */
  function boot(argv: readonly string[], marker: string | undefined, limitMs: number): Promise<Boot> {
    return new Promise((resolve, reject) => {
      const qemu = spawn("qemu-system-x86_64", argv, { stdio: ["ignore", "pipe", "pipe"] });
      children.push(qemu);
      let console = "";
      let ended = true;
      const limit = setTimeout(() => {
        ended = false;
        qemu.kill("SIGKILL");
        reject(new Error(`nothing within ${limitMs} ms; the console ends with: ${console.slice(-600)}`));
      }, limitMs);
      const collect = (chunk: Buffer) => {
        console += chunk.toString("utf8");
        if (marker === undefined || !console.includes(marker)) return;
        ended = false;
        qemu.kill("SIGKILL");
      };
      qemu.stdout.on("data", collect);
      qemu.stderr.on("data", collect);
      qemu.once("error", reject);
      qemu.once("close", () => {
        clearTimeout(limit);
        resolve({ console, ended });
      });
    });
  }
});

function registers(console: string): Record<number, string> {
  const found = console.matchAll(/PROBE pcr(\d+) ([0-9A-Fa-f]{64})/g);
  return Object.fromEntries([...found].map(([, pcr, value]) => [Number(pcr), (value ?? "").toLowerCase()]));
}
