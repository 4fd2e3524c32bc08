import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { findProcesses, isAlive, parseStartTime, readStartTime, terminate } from "../../../src/host/process.ts";

describe("a process's identity", () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });
  const start = async (script: string): Promise<{ child: ChildProcess; pid: number; startTime: string }> => {
    const child = spawn("sh", ["-c", `${script}`], { stdio: ["ignore", "pipe", "ignore"] });
    children.push(child);
    await once(child.stdout, "data");
    const pid = child.pid ?? assert.fail();
    return { child, pid, startTime: (await readStartTime(pid)) ?? assert.fail() };
  };

  it("is read past a command name with spaces and parentheses", () => {
    const after = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20";
    assert.equal(parseStartTime(`17 (a) S 1 (b c) ${after}`), "4242");
    assert.equal(parseStartTime(`17 (sh) ${after.replace("S", "Z")}`), undefined);
  });

  it("does not fit another process with the same pid", async () => {
    const { pid, startTime } = await start("echo; exec sleep 60");
    assert.equal(await isAlive({ pid, startTime }), true);
    assert.equal(await isAlive({ pid, startTime: String(Number(startTime) - 1) }), false);
    await terminate({ pid, startTime: String(Number(startTime) - 1) });
    assert.equal(await isAlive({ pid, startTime }), true, "the wrong one was left alone");
  });

  it("is found by its command line, without the process that looks", async () => {
    const marker = `61.${process.pid}`;
    const { pid } = await start(`echo; exec sleep ${marker}`);
    const found = await findProcesses(`sleep ${marker}`);
    assert.deepEqual(
      found.map((one) => one.pid),
      [pid],
    );
    assert.deepEqual(await findProcesses(""), [], "nothing matches everything");
  });

  it("ends by SIGTERM, by SIGKILL when that is ignored, and again without complaint", async () => {
    const polite = await start("trap 'exit 5' TERM; echo; while :; do sleep 0.01; done");
    const politeExit = once(polite.child, "exit");
    await terminate(polite);
    assert.deepEqual(await politeExit, [5, null]);
    const stubborn = await start("trap '' TERM; echo; while :; do sleep 0.01; done");
    const stubbornExit = once(stubborn.child, "exit");
    await terminate(stubborn, { graceMs: 100 });
    assert.deepEqual(await stubbornExit, [null, "SIGKILL"]);
    await terminate(stubborn);
  });
});
