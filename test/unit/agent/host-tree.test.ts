import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { readTree } from "../../../src/agent/host-tree.ts";
import { HostCallFailed, Unsupported } from "../../../src/lib/errors.ts";

describe("a volume that somebody else writes while it is copied", () => {
  let folder: string;
  let volume: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "host-tree-"));
    volume = join(folder, "volume");
    mkdirSync(join(folder, "host"));
    mkdirSync(volume);
    writeFileSync(join(folder, "host/shadow"), "secret");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("is copied from the directories that were seen, though a link takes their name", async () => {
    mkdirSync(join(volume, "sub"));
    writeFileSync(join(volume, "sub/mine"), "mine");
    const paths: string[] = [];
    for await (const { path } of readTree(volume)) {
      paths.push(path);
      if (path !== "sub") continue;
      renameSync(join(volume, "sub"), join(folder, "aside"));
      symlinkSync("../host", join(volume, "sub"));
    }
    assert.deepEqual(paths, ["", "sub", "sub/mine"]);
  });

  it("never yields what a link leads to, whenever it is put where a file was", async function () {
    this.timeout(60_000);
    const file = join(volume, "file");
    writeFileSync(file, "mine");
    const swaps = swapForever({ file, link: join(folder, "link"), target: join(folder, "host/shadow") });
    const seen = new Set<string>();
    const end = performance.now() + 1500;
    try {
      // by the clock, not by rounds: a busy machine does few of them
      do for (const text of await contents(volume)) seen.add(text);
      while (performance.now() < end || seen.size === 0);
    } finally {
      await swaps.terminate();
    }
    assert.ok(!seen.has("secret"), "the host's file was read");
    assert.ok(seen.has("mine"));
  });

  it("holds nobody up with a FIFO, wherever it stands", async () => {
    execFileSync("mkfifo", [join(volume, "fifo")]);
    assert.deepEqual(await contents(join(volume, "fifo")), []);
    assert.deepEqual(await contents(volume), []);
  });

  it("may be so deep, which bounds the descriptors it takes, and all are closed in the end", async () => {
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    mkdirSync(join(volume, ..."d".repeat(256).split("")), { recursive: true });
    await contents(volume);
    mkdirSync(join(volume, ..."d".repeat(257).split("")), { recursive: true });
    await assert.rejects(contents(volume), Unsupported);
    assert.equal(open(), before);
  });
});

/** Contents of the regular files; a name that is a link just then, or gone, tells nothing. */
async function contents(root: string): Promise<readonly string[]> {
  const texts: string[] = [];
  try {
    for await (const { mode, data } of readTree(root)) {
      if ((mode & 0o170000) === 0o100000) texts.push(Buffer.from(data).toString());
    }
  } catch (error) {
    if (!(error instanceof HostCallFailed)) throw error;
  }
  return texts;
}

/** In a thread of its own: now the file, now a link, by a rename as an attacker would. */
function swapForever(names: { file: string; link: string; target: string }): Worker {
  const work = `
    const { renameSync, symlinkSync, writeFileSync } = require("node:fs");
    const { file, link, target } = require("node:worker_threads").workerData;
    for (;;) {
      symlinkSync(target, link);
      renameSync(link, file);
      writeFileSync(link, "mine");
      renameSync(link, file);
    }`;
  return new Worker(work, { eval: true, workerData: names });
}
