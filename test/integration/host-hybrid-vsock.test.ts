import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { dialHybrid } from "../../src/host/hybrid-vsock.ts";
import { isRetryableDial } from "../../src/host/vsock.ts";
import { skip } from "../support/tools.ts";

const daemon = ["/usr/local/bin/vhost-device-vsock", "/usr/bin/vhost-device-vsock"].find((path) => existsSync(path));
const qemu = "/usr/bin/qemu-system-x86_64";
const image = process.env["KATA_CVM_IMAGE"] ?? "/var/lib/kata-cvm/images/default";
const agentPort = 1024;

describe("vhost-device-vsock", function () {
  this.timeout(180_000);
  let dir = "";
  const children: ChildProcess[] = [];
  before(function () {
    if (daemon === undefined) skip(this, "needs vhost-device-vsock");
  });
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "kata-hybrid-"));
    const args = ["--guest-cid", "7", "--socket", join(dir, "vhost"), "--uds-path", join(dir, "uds")];
    start(daemon ?? assert.fail(), args);
    for (let tries = 0; tries < 200 && !existsSync(join(dir, "uds")); tries++) await sleep(10);
  });
  afterEach(async () => {
    for (const child of children.splice(0).reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    rmSync(dir, { recursive: true });
  });
  const start = (file: string, args: readonly string[]): ChildProcess => {
    const child = spawn(file, args, { stdio: "ignore" });
    children.push(child);
    return child;
  };
  const dial = (port: number) => dialHybrid(join(dir, "uds"), port, { timeoutMs: 2_000 });

  it("turns a dial away, as one to try again, while no guest is there", async () => {
    await assert.rejects(dial(agentPort), isRetryableDial);
  });

  it("connects to what listens in a guest, and turns away what does not", async function () {
    if (!existsSync(qemu) || !existsSync(join(image, "image.json"))) {
      skip(this, "needs QEMU and the guest image (npm run image)");
    }
    const facts = JSON.parse(readFileSync(join(image, "image.json"), "utf8")) as { cmdline: string };
    const disk = (name: string, id: string) => [
      ...["-drive", `if=none,id=${id},format=raw,readonly=on,file=${join(image, name)}`],
      ...["-device", `virtio-blk-pci,drive=${id},serial=${id}`],
    ];
    const guest = start("nice", [
      ...[
        "-n",
        "5",
        qemu,
        "-accel",
        "tcg",
        "-cpu",
        "max",
        "-smp",
        "1",
        "-m",
        "1024",
        "-nodefaults",
        "-display",
        "none",
      ],
      ...["-object", "memory-backend-memfd,id=mem0,size=1024M,share=on", "-machine", "q35,memory-backend=mem0"],
      ...["-chardev", `socket,id=vs,path=${join(dir, "vhost")}`, "-device", "vhost-user-vsock-pci,chardev=vs"],
      ...["-kernel", join(image, "vmlinuz"), "-initrd", join(image, "initrd.img"), "-append", facts.cmdline],
      ...[...disk("root.erofs", "root"), ...disk("root.verity", "verity")],
    ]);
    const socket = await dialUntil(() => dial(agentPort), Date.now() + 150_000, guest);
    socket.destroy();
    await assert.rejects(dial(40_999), isRetryableDial);
  });
});

async function dialUntil(dial: () => Promise<net.Socket>, end: number, guest: ChildProcess): Promise<net.Socket> {
  for (;;) {
    try {
      return await dial();
    } catch (error) {
      if (Date.now() >= end || guest.exitCode !== null) throw error;
      await sleep(100);
    }
  }
}
