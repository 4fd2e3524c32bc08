// README promise: limits reach the container's control group, updates change them in place, and
// statistics come from where the container runs.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { mustSucceed } from "../lab/command.ts";
import { deadline } from "../lab/patience.ts";
import type { Pod } from "../support/cri.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, IS_OURS, usePods } from "../support/e2e.ts";

const MEBIBYTE = 1 << 20;

interface Stats {
  readonly stats: readonly {
    readonly attributes: { readonly id: string };
    readonly cpu: { readonly usageCoreNanoSeconds: { readonly value: string } };
    readonly memory: { readonly workingSetBytes: { readonly value: string } };
  }[];
}

interface PodStats {
  readonly stats: readonly {
    readonly attributes: { readonly id: string };
    readonly linux: Omit<Stats["stats"][number], "attributes">;
  }[];
}

describe("Resources", function () {
  this.timeout(60_000);
  const e2e = usePods();
  let pod: Pod;
  let container: string;
  let large: string;

  before(async function () {
    this.timeout(BOOT_LIMIT_MS);
    pod = await e2e.cri.runPod();
    const resources = { memory_limit_in_bytes: 96 * MEBIBYTE, cpu_period: 100_000, cpu_quota: 50_000, cpu_shares: 512 };
    container = await e2e.cri.start(pod, { resources });
  });

  /** The container's own limits, read inside it, from version 2 or version 1 of the control groups. */
  const limits = async () => {
    const script =
      "cd /sys/fs/cgroup; if [ -e cgroup.controllers ]; then cat memory.max; cat cpu.max; " +
      "else cat memory/memory.limit_in_bytes; echo $(cat cpu/cpu.cfs_quota_us) $(cat cpu/cpu.cfs_period_us); fi";
    const [memory = "", cpu = ""] = (await e2e.cri.exec(container, ["sh", "-c", script])).split("\n");
    return { memory, cpu };
  };

  it("memory and CPU limits stand in the container's control group", async () => {
    assert.deepEqual(await limits(), { memory: String(96 * MEBIBYTE), cpu: "50000 100000" });
  });

  it("update changes them while the container runs", async () => {
    const update = [
      "update",
      "--memory",
      String(160 * MEBIBYTE),
      "--cpu-quota",
      "75000",
      "--cpu-period",
      "100000",
      container,
    ];
    await mustSucceed(e2e.cri.crictl(update));
    assert.deepEqual(await limits(), { memory: String(160 * MEBIBYTE), cpu: "75000 100000" });
  });

  const cpuNanoseconds = async () => {
    const { stats } = JSON.parse(await e2e.cri.text(["stats", "-a", "-o", "json", "--id", container])) as Stats;
    const [first] = stats;
    assert.ok(first !== undefined, "no statistics");
    assert.equal(first.attributes.id, container);
    assert.ok(Number(first.memory.workingSetBytes.value) > 0, "no memory in use");
    return Number(first.cpu.usageCoreNanoSeconds.value);
  };

  it("stats counts the container's CPU time and memory", async () => {
    const before = await cpuNanoseconds();
    await e2e.cri.exec(container, ["sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]);
    // containerd may answer from a cache of a second or more.
    for (const end = deadline(20_000); (await cpuNanoseconds()) <= before; await pause(500)) {
      assert.ok(Date.now() < end, "no CPU time was counted");
    }
  });

  it("statsp counts what the pod takes of the host, the whole VM of it", async () => {
    const { stats } = JSON.parse(await e2e.cri.text(["statsp", "-o", "json", "--id", pod.id])) as PodStats;
    const [first] = stats;
    assert.ok(first !== undefined, "no statistics");
    assert.equal(first.attributes.id, pod.id);
    assert.ok(Number(first.linux.cpu.usageCoreNanoSeconds.value) > 0, "no CPU time");
    const { value } = first.linux.memory.workingSetBytes;
    assert.ok(Number(value) > (IS_OURS ? 64 * MEBIBYTE : 0), `${value} bytes`);
  });

  it("a process that outgrows its memory limit is ended and reported as OOMKilled", async () => {
    const greedy = await e2e.cri.start(pod, {
      command: ["sh", "-c", "exec dd if=/dev/zero of=/dev/null bs=300M count=4"],
      resources: { memory_limit_in_bytes: 24 * MEBIBYTE },
    });
    const status = await e2e.cri.exited(greedy);
    assert.equal(status.exitCode, 137);
    assert.equal(status.reason, "OOMKilled");
  });

  const grow = (quota: number, memoryMiB: number) => {
    const memory = String(memoryMiB * MEBIBYTE);
    return e2e.cri.crictl(["update", "--memory", memory, "--cpu-quota", String(quota), large], { timeoutMs: 120_000 });
  };
  /** CPUs and memory of the machine that the container runs in; the kernel keeps some memory for itself. */
  const machine = async () => {
    const script = "nproc; sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo";
    const [count = "", kibibytes = ""] = (await e2e.cri.exec(large, ["sh", "-c", script])).split("\n");
    return { cpus: Number(count), memoryMiB: Number(kibibytes) / 1024 };
  };

  /** CPUs come later only under KVM: Linux takes none from TCG. */
  const hasLateCpus = async () => {
    const { stdout } = await mustSucceed(e2e.cri.lab.exec(["kata-cvm", "inspect", pod.id, "--json"]));
    const { launch } = JSON.parse(stdout.toString("utf8")) as { launch: { accelerator: string } };
    return launch.accelerator === "kvm";
  };

  it("the VM grows for a container that may use more than it has", async function () {
    if (!IS_OURS) this.skip();
    this.timeout(BOOT_LIMIT_MS);
    const resources = { cpu_period: 100_000, cpu_quota: 300_000, memory_limit_in_bytes: 3072 * MEBIBYTE };
    large = await e2e.cri.start(pod, { resources });
    const { cpus, memoryMiB } = await machine();
    const expectedCpus = (await hasLateCpus()) ? 4 : 2;
    assert.equal(cpus, expectedCpus, "3 CPUs beside three quarters of one");
    assert.ok(memoryMiB > 3500, `${memoryMiB} MiB`);
    const { stdout } = await mustSucceed(e2e.cri.lab.exec(["kata-cvm", "pods", "--json"]));
    const { pods } = JSON.parse(stdout.toString("utf8")) as { pods: { id: string; size: unknown }[] };
    // 3072 MiB beside 160, and the guest's own 512, by whole blocks of 128
    assert.deepEqual(pods.find(({ id }) => id === pod.id)?.size, { vcpus: expectedCpus, memoryMiB: 3840 });
  });

  it("the VM grows further for an update", async function () {
    if (!IS_OURS) this.skip();
    this.timeout(BOOT_LIMIT_MS);
    const late = await hasLateCpus();
    await mustSucceed(grow(late ? 400_000 : 300_000, 4096));
    const { cpus, memoryMiB } = await machine();
    assert.equal(cpus, late ? 5 : 2);
    assert.ok(memoryMiB > 4500, `${memoryMiB} MiB`);
  });

  it("an update beyond what the configuration allows is refused by its key and changes nothing", async function () {
    if (!IS_OURS) this.skip();
    const { code, stderr } = await grow(300_000, 20_480);
    assert.notEqual(code, 0);
    assert.match(stderr, /add up to 21248 MiB .*, its VM grows to 16384 MiB .* \(vm\.max_memory\)/);
    const { memoryMiB } = await machine();
    assert.ok(memoryMiB < 5000, `${memoryMiB} MiB`);
  });

  it("leaves nothing behind", async () => {
    await assertNothingLeft(e2e);
  });
});
