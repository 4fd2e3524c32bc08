import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { bringOnline, loadMemoryDriver } from "../../../src/guest/hotplug.ts";
import { HostCommandFailed, Unsupported } from "../../../src/lib/errors.ts";

describe("what the host added to a running guest", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "hotplug-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const add = (name: string, online?: string) => {
    mkdirSync(join(dir, name), { recursive: true });
    if (online !== undefined) writeFileSync(join(dir, name, "online"), online);
  };
  const onlineOf = (name: string) => readFileSync(join(dir, name, "online"), "utf8");

  it("is brought online, CPUs and memory, and nothing else is touched", async () => {
    add("cpu/cpu0");
    add("cpu/cpu1", "1\n");
    add("cpu/cpu2", "0\n");
    add("cpu/cpufreq", "0\n");
    add("memory/memory40", "0\n");
    await bringOnline({ nb_cpus: 1, cpu_only: false }, { system: dir });
    assert.deepEqual(["cpu/cpu1", "cpu/cpu2", "cpu/cpufreq", "memory/memory40"].map(onlineOf), [
      "1\n",
      "1",
      "0\n",
      "1",
    ]);
  });

  it("is waited for when the kernel has not announced it yet", async () => {
    add("cpu/cpu1", "0\n");
    const done = bringOnline({ nb_cpus: 2, cpu_only: true }, { system: dir });
    await pause(20);
    add("cpu/cpu2", "0\n");
    await done;
    assert.equal(onlineOf("cpu/cpu2"), "1");
  });

  it("leaves memory alone when only CPUs are meant", async () => {
    add("memory/memory40", "0\n");
    await bringOnline({ nb_cpus: 0, cpu_only: true }, { system: dir });
    assert.equal(onlineOf("memory/memory40"), "0\n");
  });

  it("fails with the number of CPUs that never came", async () => {
    await assert.rejects(
      bringOnline({ nb_cpus: 1, cpu_only: true }, { system: dir, tries: 2 }),
      /1 CPUs did not appear/,
    );
  });
});

describe("the driver of added memory", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "virtio-"));
    commands.splice(0);
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const device = (name: string, modalias: string) => {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, "modalias"), `${modalias}\n`);
  };
  const commands: string[] = [];
  const runIn = (guest: "confidential" | "ordinary" | "unknown") => async (program: string) => {
    commands.push(program);
    if (program !== "systemd-detect-virt" || guest === "confidential") return;
    throw new HostCommandFailed(program, { exitCode: guest === "ordinary" ? 1 : null, stderr: "" });
  };
  it("is loaded when a memory device has none", async () => {
    device("virtio0", "virtio:d00000002v00001AF4");
    device("virtio1", "virtio:d00000018v00001AF4");
    await loadMemoryDriver(dir, runIn("ordinary"));
    assert.deepEqual(commands, ["systemd-detect-virt", "modprobe"]);
  });

  it("is left alone once it drives the device, and where there is no such device", async () => {
    device("virtio0", "virtio:d00000002v00001AF4");
    device("virtio1", "virtio:d00000018v00001AF4");
    symlinkSync(dir, join(dir, "virtio1", "driver"));
    await loadMemoryDriver(dir, runIn("ordinary"));
    await loadMemoryDriver(join(dir, "missing"), runIn("ordinary"));
    assert.deepEqual(commands, []);
  });

  it("is not loaded where nobody can say whether the guest is confidential", async () => {
    device("virtio1", "virtio:d00000018v00001AF4");
    await assert.rejects(loadMemoryDriver(dir, runIn("unknown")), HostCommandFailed);
    assert.deepEqual(commands, ["systemd-detect-virt"]);
  });

  it("is refused to the host of a confidential guest", async () => {
    device("virtio1", "virtio:d00000018v00001AF4");
    await assert.rejects(loadMemoryDriver(dir, runIn("confidential")), Unsupported);
    assert.deepEqual(commands, ["systemd-detect-virt"]);
  });
});
