import assert from "node:assert/strict";
import { parseConfig } from "../../../src/config/parse.ts";
import { InvalidConfig, InvalidRequest, Unsupported } from "../../../src/lib/errors.ts";
import type { HostFacts } from "../../../src/plan/inputs.ts";
import { type ContainerLimits, readLimits } from "../../../src/plan/limits.ts";
import { planLaunch } from "../../../src/plan/plan-launch.ts";
import { renderQemuArgv } from "../../../src/plan/qemu-argv.ts";
import { type CpuPlace, planResize, sizeFor, sizeProblems, sizeRange } from "../../../src/plan/resize.ts";
import { classes, hostFacts, mergeToml, planCases } from "./cases.ts";

const growing = "[container]\nstatic_resources = false";
const base = { podId: "p", runDir: "/run/p", nics: [], annotations: {} };

function planOf(toml: string, { host, limits = {} }: { host?: Partial<HostFacts>; limits?: ContainerLimits } = {}) {
  const { config } = parseConfig([{ path: "t.toml", text: toml }]);
  return planLaunch(config, { ...hostFacts, ...host }, { ...base, limits });
}

const gibibyte = 1024 ** 3;
const range = { start: { vcpus: 2, memoryMiB: 2048 }, most: { vcpus: 8, memoryMiB: 16_384 } };
const fixed = { start: range.start, most: range.start };

const limitsIn = ({ milliCpus, memoryBytes }: ContainerLimits) => [milliCpus, memoryBytes];

describe("the limits of a container", () => {
  it("are its quota in thousandths of a CPU, rounded up, and its bytes", () => {
    const resources = { cpu: { quota: 33_333n, period: 100_000n }, memory: { limit: 96n * 1024n * 1024n } };
    assert.deepEqual(limitsIn(readLimits(resources)), [334, 100_663_296]);
  });

  it("have the kernel's period where none is named", () => {
    assert.deepEqual(limitsIn(readLimits({ cpu: { quota: 150_000 } })), [1500, undefined]);
  });

  it("are none where a client writes zero, a negative number or the largest one", () => {
    const none = [undefined, undefined];
    assert.deepEqual(limitsIn(readLimits({ cpu: { quota: -1 }, memory: { limit: 0 } })), none);
    assert.deepEqual(limitsIn(readLimits({ cpu: { quota: 0, period: 0 } })), none);
    assert.deepEqual(limitsIn(readLimits({ memory: { limit: 9_223_372_036_854_771_712n } })), none);
  });

  it("keep what an update does not name, and lose what it lifts", () => {
    const before = readLimits({ cpu: { quota: 50_000 }, memory: { limit: 1024 } });
    assert.deepEqual(readLimits({ cpu: { cpus: "0-1" } }, before), before);
    assert.deepEqual(limitsIn(readLimits({ memory: { limit: -1 } }, before)), [500, undefined]);
    assert.deepEqual(limitsIn(readLimits({ cpu: { quota: -1 } }, before)), [undefined, 1024]);
  });

  it("follow an update of the period alone with the quota that is, and of the quota alone with the period", () => {
    const before = readLimits({ cpu: { quota: 33_333, period: 100_000 } });
    assert.equal(readLimits({ cpu: { period: 50_000 } }, before).milliCpus, 667);
    const halved = readLimits({ cpu: { quota: 0, period: 50_000n } }, before);
    assert.equal(readLimits({ cpu: { quota: 25_000, period: 0 } }, halved).milliCpus, 500);
    assert.equal(readLimits({ cpu: { quota: 25_000 } }, readLimits({ cpu: { period: 50_000 } })).milliCpus, 500);
  });
});

describe("the size that limits ask for", () => {
  const sizes: [string, ContainerLimits[], number[]][] = [
    ["is the start without limits", [{}, {}], [2, 2048]],
    ["is the start while the sum fits", [{ milliCpus: 1500, memoryBytes: gibibyte }, { milliCpus: 500 }], [2, 2048]],
    ["rounds the sum of CPUs up, not each", [{ milliCpus: 1300 }, { milliCpus: 1300 }], [3, 2048]],
    ["adds the guest's own memory once", [{ memoryBytes: gibibyte }, { memoryBytes: gibibyte }], [2, 2560]],
    ["grows by whole blocks of 128 MiB", [{ memoryBytes: 1537 * 1024 * 1024 }], [2, 2176]],
    ["may be more than the VM can have", [{ milliCpus: 40_000, memoryBytes: 64 * gibibyte }], [40, 66_048]],
  ];
  for (const [what, limits, [vcpus, memoryMiB]] of sizes) {
    it(what, () => assert.deepEqual(sizeFor(limits, range, 512), { vcpus, memoryMiB }));
  }

  it("is exactly the start of a VM that was sized for these limits", () => {
    const limits = { milliCpus: 3000, memoryBytes: 3 * gibibyte };
    const own = sizeRange(planOf(growing, { limits }));
    assert.deepEqual(own.start, { vcpus: 4, memoryMiB: 3584 });
    assert.deepEqual(sizeFor([limits], own, 512), own.start);
  });
});

describe("a size above the most", () => {
  const judge = (wanted: { vcpus: number; memoryMiB: number }, of = range, before = of.start) =>
    sizeProblems(wanted, { before, range: of, launchClass: "tdx" });

  it("is refused by the field that asks and the key that allows more", () => {
    const [cpus, memory] = judge({ vcpus: 9, memoryMiB: 16_512 });
    assert.ok(cpus?.error instanceof InvalidRequest && memory?.error instanceof InvalidRequest);
    assert.equal(cpus.error.field, "linux.resources.cpu.quota");
    assert.match(cpus.error.message, /add up to 9 CPUs, its VM grows to 8 CPUs \(vm\.max_vcpus\)/);
    assert.match(memory.error.message, /16512 MiB .* grows to 16384 MiB .* \(vm\.max_memory\)/);
    assert.deepEqual([cpus.isFixed, memory.isFixed], [false, false]);
  });

  it("is refused in a VM that keeps its size by class, size and what to do", () => {
    const [problem, ...others] = judge({ vcpus: 2, memoryMiB: 2176 }, fixed);
    assert.ok(problem?.error instanceof Unsupported && problem.isFixed);
    assert.match(
      problem.error.message,
      /^more than the 2048 MiB .* started with .* 2176 MiB .*, and class "tdx" keeps/,
    );
    assert.match(problem.error.message, /; start the pod anew with these limits$/);
    assert.deepEqual(others, []);
  });

  it("is judged for CPUs and memory apart: one may be fixed where the other is not", () => {
    const onlyMemory = { start: range.start, most: { vcpus: 2, memoryMiB: 16_384 } };
    assert.deepEqual(
      judge({ vcpus: 3, memoryMiB: 20_000 }, onlyMemory).map(({ isFixed }) => isFixed),
      [true, false],
    );
  });

  it("is none of this change's business when the pod needed as much before", () => {
    assert.deepEqual(judge({ vcpus: 3, memoryMiB: 2048 }, fixed, { vcpus: 4, memoryMiB: 2048 }), []);
  });

  it("begins after the most itself", () => assert.deepEqual(judge(range.most), []));
});

describe("planResize", () => {
  const place = (core: number, present: boolean): CpuPlace => ({
    type: "max-x86_64-cpu",
    props: { "core-id": core, "thread-id": 0, "socket-id": 0 },
    ...(present ? { "qom-path": `/machine/cpu${core}` } : {}),
  });
  /** as QEMU answers: the last place first */
  const places = [place(3, false), place(2, false), place(1, true), place(0, true)];

  it("asks for memory, then plugs CPUs into the lowest free places", () => {
    const steps = planResize({ memoryMiB: 2048, places }, { vcpus: 3, memoryMiB: 3072 }, range);
    const memory = { path: "memory0", property: "requested-size" };
    assert.deepEqual(steps, [
      {
        step: { execute: "qom-set", arguments: { ...memory, value: gibibyte } },
        undo: { execute: "qom-set", arguments: { ...memory, value: 0 } },
      },
      {
        step: {
          execute: "device_add",
          arguments: { driver: "max-x86_64-cpu", id: "cpu-2-0-0", "core-id": 2, "thread-id": 0, "socket-id": 0 },
        },
        undo: { execute: "device_del", arguments: { id: "cpu-2-0-0" } },
      },
    ]);
  });

  it("asks for less memory, and leaves CPUs where they are", () => {
    const steps = planResize({ memoryMiB: 3072, places }, { vcpus: 1, memoryMiB: 2048 }, range);
    assert.deepEqual(
      steps.map(({ step }) => [step.execute, step.arguments?.["value"]]),
      [["qom-set", 0]],
    );
  });

  it("does nothing for the size that is", () => {
    assert.deepEqual(planResize({ memoryMiB: 2048, places }, range.start, range), []);
  });
});

describe("a plan without a TEE", () => {
  const kvm = { usable: true, reason: "" };
  const largest = mergeToml(growing, "[vm]\nmax_vcpus = 5\nmax_memory = 4100");

  for (const name of ["dev-fast", "dev-measured"] as const) {
    it(`of ${name} names the largest VM, and QEMU gets exactly that`, () => {
      const plan = planOf(mergeToml(classes[name], largest), { host: { kvm } });
      assert.deepEqual(sizeRange(plan).most, { vcpus: 5, memoryMiB: 4096 });
      const argv = renderQemuArgv(plan);
      assert.equal(argv[argv.indexOf("-smp") + 1], "2,maxcpus=5");
      assert.equal(argv[argv.indexOf("-m") + 1], "size=2048M,maxmem=4096M");
      assert.equal(argv.filter((word) => word.includes("virtio-mem-pci")).length, 1);
    });
  }

  it("grows in memory only under TCG, from which Linux takes no later CPUs", () => {
    const plan = planOf(largest);
    assert.equal(plan.accelerator, "tcg");
    assert.deepEqual(sizeRange(plan).most, { vcpus: 2, memoryMiB: 4096 });
  });

  it("keeps its size when it was started with all that the configuration allows", () => {
    const plan = planOf(mergeToml(growing, "[vm]\nmax_vcpus = 2\nmax_memory = 2048"), { host: { kvm } });
    assert.deepEqual(renderQemuArgv(plan), renderQemuArgv(planOf("", { host: { kvm } })));
  });
});

describe("a plan with a TEE", () => {
  const tees = planCases().filter(({ config }) => config.vm.tee !== "none");

  for (const { name, config, pod } of tees) {
    it(`of ${name} never names more CPUs or memory than are measured`, () => {
      // past every check of the configuration: the promise holds in the plan itself
      const forced = { ...config, container: { ...config.container, staticResources: false } };
      const plan = planLaunch(forced, hostFacts, pod);
      assert.deepEqual(plan, planLaunch(config, hostFacts, pod));
      assert.doesNotMatch(
        JSON.stringify([plan, renderQemuArgv(plan)]),
        /max_?vcpus|maxcpus|max_?mi?b|maxmem|virtio-mem/i,
      );
    });
  }

  for (const name of ["snp-igvm", "snp-ovmf-uki", "snp-ovmf-initrd", "tdx"] as const) {
    it(`is refused by key when the configuration of ${name} wants it to grow`, () => {
      assert.throws(
        () => planOf(mergeToml(classes[name], growing)),
        (error) => error instanceof InvalidConfig && error.problems[0]?.key === "container.static_resources",
      );
    });
  }
});
