// A command in the lab that a test talks to while it runs.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { endGroup } from "../lab/command.ts";
import type { Lab } from "../lab/start-lab.ts";

export class Interactive implements AsyncDisposable {
  readonly #child: ChildProcess;
  #seen = "";

  constructor(lab: Lab, argv: readonly string[]) {
    const [program = "", ...args] = lab.enter(argv);
    this.#child = spawn(program, args, { detached: true, stdio: "pipe" });
    const keep = (chunk: Buffer) => {
      this.#seen += chunk.toString("utf8");
    };
    this.#child.stdout?.on("data", keep);
    this.#child.stderr?.on("data", keep);
    this.#child.stdin?.on("error", () => undefined);
  }

  /** everything it has printed so far, stdout and stderr together */
  get seen(): string {
    return this.#seen;
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  closeInput(): void {
    this.#child.stdin?.end();
  }

  async until(pattern: RegExp, timeoutMs = 20_000): Promise<void> {
    for (const end = Date.now() + timeoutMs; !pattern.test(this.#seen); await pause(20)) {
      assert.ok(Date.now() < end, `no ${pattern} within ${timeoutMs} ms, only: ${this.#seen}`);
    }
  }

  /** Its exit code. */
  async end(timeoutMs = 20_000): Promise<number | null> {
    for (const end = Date.now() + timeoutMs; this.#child.exitCode === null; await pause(20)) {
      assert.ok(Date.now() < end, `still running after ${timeoutMs} ms: ${this.#seen}`);
    }
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    endGroup(this.#child);
  }
}
