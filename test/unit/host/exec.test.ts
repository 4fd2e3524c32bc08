import assert from "node:assert/strict";
import { runCommand } from "../../../src/host/exec.ts";
import { findProcesses } from "../../../src/host/process.ts";
import {
  Cancelled,
  DeadlineExceeded,
  EnvironmentLacks,
  HostCallFailed,
  HostCommandFailed,
} from "../../../src/lib/errors.ts";

describe("a host command", () => {
  it("gives its output, and reads its input", async () => {
    const { stdout, stderrTail } = await runCommand("sh", ["-c", "cat; echo note >&2"], { input: "text" });
    assert.deepEqual({ stdout, stderrTail }, { stdout: "text", stderrTail: "note\n" });
  });

  it("takes its arguments literally: no shell looks at them", async () => {
    assert.equal((await runCommand("echo", ["$HOME; ls", "`id`"])).stdout, "$HOME; ls `id`\n");
  });

  it("that fails says so with its exit code and last words", async () => {
    await assert.rejects(runCommand("sh", ["-c", "echo broken >&2; exit 3"]), (error: unknown) => {
      assert.ok(error instanceof HostCommandFailed);
      assert.deepEqual([error.exitCode, error.stderrTail], [3, "broken\n"]);
      return true;
    });
    await assert.rejects(runCommand("sh", ["-c", "kill -TERM $$"]), /SIGTERM/);
  });

  it("that is not installed names its Debian package", async () => {
    await assert.rejects(runCommand("/nowhere/mkfs.erofs", []), (error: unknown) => {
      assert.ok(error instanceof EnvironmentLacks);
      assert.equal(error.fix, "install the Debian package erofs-utils");
      return true;
    });
  });

  it("that may not be executed is a failed call, not a missing program", async () => {
    await assert.rejects(runCommand("/etc/passwd", []), (error: unknown) => {
      assert.ok(error instanceof HostCallFailed);
      assert.equal(error.errno, "EACCES");
      return true;
    });
  });

  it("ends at its deadline together with what it started", async () => {
    const marker = `61.${process.pid}`;
    const work = runCommand("sh", ["-c", `sleep ${marker} & sleep ${marker}`], { timeoutMs: 150 });
    await assert.rejects(work, DeadlineExceeded);
    for (let tries = 0; tries < 50 && (await findProcesses(`sleep ${marker}`)).length > 0; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.deepEqual(await findProcesses(`sleep ${marker}`), []);
  });

  it("ends when it is cancelled, and does not start when it already was", async () => {
    const controller = new AbortController();
    const work = runCommand("sleep", ["60"], { signal: controller.signal });
    controller.abort();
    await assert.rejects(work, Cancelled);
    await assert.rejects(runCommand("sleep", ["60"], { signal: controller.signal }), Cancelled);
  });

  it("that prints without end is ended at the limit", async () => {
    await assert.rejects(runCommand("yes", [], { maxOutputBytes: 100_000 }), (error: unknown) => {
      assert.ok(error instanceof HostCallFailed);
      assert.equal(error.errno, "EFBIG");
      return true;
    });
  });

  it("is over when it exits, although a child of its keeps the pipes open", async () => {
    const started = performance.now();
    const { stdout } = await runCommand("sh", ["-c", "echo done; sleep 5 &"]);
    assert.equal(stdout, "done\n");
    assert.ok(performance.now() - started < 3_000);
  });

  it("loses no output when this process is too busy to read for a while", async () => {
    const work = runCommand("sh", ["-c", "(sleep 0.5; echo late) & exit 0"]);
    const stall = () => {
      for (const end = performance.now() + 1000; performance.now() < end; );
    };
    setTimeout(() => setImmediate(stall), 300);
    assert.equal((await work).stdout, "late\n");
  });

  it("may exit without reading its input", async () => {
    await runCommand("true", [], { input: Buffer.alloc(4 * 1024 * 1024) });
  });
});
