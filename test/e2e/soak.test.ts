// README promise: nothing grows with use: pods started and removed one after another leave what the first
// one left, and execs in one container cost neither the daemon nor the guest's agent anything that stays.
// CI runs a few cycles (test/integration/soak.test.ts runs 50 without a machine); `npm run soak` runs 50.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { mustSucceed } from "../lab/command.ts";
import { programs } from "../lab/handlers.ts";
import { settle } from "../lab/leftovers.ts";
import { deadline } from "../lab/patience.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, IS_OURS, usePods } from "../support/e2e.ts";
import { type Holdings, holdingsOf, residentMiB } from "../support/process-holdings.ts";

const CYCLES = Number(process.env["SOAK_CYCLES"] ?? 4);
const EXECS = Number(process.env["SOAK_EXECS"] ?? 200);
/** execs until everything that is loaded or made once is there */
const WARM_UP = 20;
const RSS_LIMIT = 1.2;

(IS_OURS ? describe : describe.skip)("Use", function () {
  this.timeout(CYCLES * BOOT_LIMIT_MS + EXECS * 10_000);
  const e2e = usePods();

  const exec = async (container: string, times: number): Promise<void> => {
    for (let index = 0; index < times; index++) {
      assert.equal(await e2e.cri.exec(container, ["echo", `${index}`]), `${index}`);
    }
  };

  it(`${EXECS} execs in one container leave daemon and guest as the first ${WARM_UP} did`, async () => {
    const pod = await e2e.cri.runPod();
    const container = await e2e.cri.start(pod);
    const daemon = daemonOf(pod.id);
    const guest = async () => {
      const argv = [`${programs}/kata-cvm`, "agent", pod.id, "GetMetrics", "--json"];
      const { stdout } = await mustSucceed(e2e.cri.lab.exec(argv));
      return readAgent((JSON.parse(stdout.toString("utf8")) as { metrics: string }).metrics);
    };
    await exec(container, WARM_UP);
    await guest();
    const first = { holds: await settledHoldings(daemon), rss: residentMiB(daemon), guest: await guest() };
    await exec(container, EXECS);
    const later = { rss: residentMiB(daemon), guest: await guest() };
    for (const end = deadline(20_000); Date.now() < end; await pause(500)) {
      if (holdingsOf(daemon).join() === first.holds.join()) break;
    }
    report(`daemon: ${first.rss.toFixed(1)} -> ${later.rss.toFixed(1)} MiB; ${first.holds.join(", ")}`);
    report(`agent: ${JSON.stringify(first.guest)} -> ${JSON.stringify(later.guest)}`);
    assert.deepEqual(holdingsOf(daemon), first.holds);
    assert.deepEqual([later.guest.fds, later.guest.threads], [first.guest.fds, first.guest.threads]);
    assert.ok(later.rss / first.rss <= RSS_LIMIT, `the daemon grew from ${first.rss} to ${later.rss} MiB`);
    assert.ok(later.guest.rss / first.guest.rss <= RSS_LIMIT, `the agent grew to ${later.guest.rss} bytes`);
    await e2e.cri.removePod(pod);
  });

  it(`${CYCLES} pods leave what the first one left, and no daemon is larger`, async () => {
    const cycle = async (): Promise<number> => {
      const pod = await e2e.cri.runPod();
      await exec(await e2e.cri.start(pod), 1);
      const rss = residentMiB(daemonOf(pod.id));
      await e2e.cri.removePod(pod);
      return rss;
    };
    const sizes = [await cycle()];
    assert.deepEqual(await settle(e2e.before, () => e2e.cri.lab.holdings()), []);
    const caches = cachedLayers();
    while (sizes.length < CYCLES) {
      sizes.push(await cycle());
      report(`cycle ${sizes.length}: daemon ${sizes.at(-1)?.toFixed(1)} MiB`);
      assert.deepEqual(await settle(e2e.before, () => e2e.cri.lab.holdings()), []);
    }
    assert.deepEqual(cachedLayers(), caches);
    const [first = 0] = sizes;
    assert.ok(Math.max(...sizes) / first <= RSS_LIMIT, `daemons, MiB: ${sizes.map((size) => size.toFixed(1)).join()}`);
    await assertNothingLeft(e2e);
  });
});

/** For the record of a run; mocha's own output is not disturbed. */
function report(line: string): void {
  if (process.env["SOAK_REPORT"] !== undefined) process.stderr.write(`      ${line}\n`);
}

/** The lab's processes are ours as well, under other numbers. */
function daemonOf(pod: string): number {
  const found = readdirSync("/proc").filter((name) => {
    const words = /^\d+$/.test(name) ? commandLine(name) : [];
    return words.includes(pod) && words.at(-1) === "serve";
  });
  assert.equal(found.length, 1, `daemons of pod ${pod}: ${found.length}`);
  return Number(found[0]);
}

function commandLine(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

/** What was not being opened or closed while we looked: twice the same. */
async function settledHoldings(pid: number): Promise<Holdings> {
  let last = holdingsOf(pid);
  for (const end = deadline(20_000); Date.now() < end; ) {
    await pause(500);
    const next = holdingsOf(pid);
    if (next.join() === last.join()) return next;
    last = next;
  }
  return last;
}

/** The agent's own account of itself. */
function readAgent(metrics: string): { rss: number; fds: number; threads: number } {
  const gauge = (name: string) => Number(new RegExp(`^kata_agent_${name} (\\d+)`, "m").exec(metrics)?.[1]);
  return {
    rss: gauge("process_resident_memory_bytes"),
    fds: gauge("process_open_fds"),
    threads: gauge("threads"),
  };
}

function cachedLayers(): readonly string[] {
  return readdirSync("/var/lib/kata-cvm/layers").sort();
}
