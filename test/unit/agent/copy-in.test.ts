import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyIn } from "../../../src/agent/copy-in.ts";
import { HostCallFailed, Unsupported } from "../../../src/lib/errors.ts";
import type { CopyFileRequest } from "../../../src/wire/gen/kata/agent.ts";
import { type Connected, withSandbox } from "./connected.ts";

const guestPath = "/run/kata-containers/shared/containers/sb-0123-config";

describe("copying into the guest", () => {
  let folder: string;
  let both: Connected;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "copy-in-"));
    both = await withSandbox();
  });
  afterEach(async () => {
    await both[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  function copies(): readonly CopyFileRequest[] {
    return both.agent.requests.filter((one) => one.method === "CopyFile").map((one) => one.request as CopyFileRequest);
  }

  function pathsInGuest(): readonly string[] {
    return [...both.agent.files.keys()].map((path) => path.slice(guestPath.length));
  }

  it("sends one file with its mode, owner and bytes, its parents readable by root's group only", async () => {
    writeFileSync(join(folder, "f"), "hello");
    chmodSync(join(folder, "f"), 0o640);
    await copyIn(both.client.rpc, { hostPath: join(folder, "f"), guestPath });
    const file = both.agent.files.get(guestPath);
    assert.equal(file?.data.toString(), "hello");
    assert.equal(file?.request.file_mode, 0o100640);
    assert.equal(file?.request.dir_mode, 0o40750);
    assert.equal(file?.request.uid, process.getuid?.());
  });

  it("sends an empty file as one request", async () => {
    writeFileSync(join(folder, "f"), "");
    await copyIn(both.client.rpc, { hostPath: join(folder, "f"), guestPath });
    assert.equal(both.agent.files.get(guestPath)?.data.length, 0);
    assert.equal(copies().length, 1);
  });

  it("sends a large file in pieces of 1 MiB in ascending order, which arrive as the file was", async () => {
    const content = Buffer.alloc(2_500_000, "0123456789abcdef");
    writeFileSync(join(folder, "f"), content);
    await copyIn(both.client.rpc, { hostPath: join(folder, "f"), guestPath });
    assert.deepEqual(
      copies().map(({ offset, data, file_size }) => [offset, data.length, file_size]),
      [
        [0n, 1_048_576, 2_500_000n],
        [1_048_576n, 1_048_576, 2_500_000n],
        [2_097_152n, 402_848, 2_500_000n],
      ],
    );
    assert.ok(both.agent.files.get(guestPath)?.data.equals(content));
  });

  it("sends a tree with each directory before its entries", async () => {
    mkdirSync(join(folder, "v/deep/er"), { recursive: true });
    writeFileSync(join(folder, "v/deep/er/leaf"), "1");
    writeFileSync(join(folder, "v/a"), "2");
    await copyIn(both.client.rpc, { hostPath: join(folder, "v"), guestPath });
    assert.deepEqual(pathsInGuest(), ["", "/a", "/deep", "/deep/er", "/deep/er/leaf"]);
    assert.equal((both.agent.files.get(guestPath)?.request.file_mode ?? 0) & 0o170000, 0o040000);
  });

  it("sends links inside a volume as links, such as those of the kubelet's atomic writer", async () => {
    mkdirSync(join(folder, "v/..2026"), { recursive: true });
    writeFileSync(join(folder, "v/..2026/key"), "secret");
    symlinkSync("..2026", join(folder, "v/..data"));
    symlinkSync("..data/key", join(folder, "v/key"));
    symlinkSync("/etc/shadow", join(folder, "v/outside"));
    await copyIn(both.client.rpc, { hostPath: join(folder, "v"), guestPath });
    for (const [name, target] of [
      ["..data", "..2026"],
      ["key", "..data/key"],
      ["outside", "/etc/shadow"],
    ]) {
      const link = both.agent.files.get(`${guestPath}/${name}`);
      assert.equal(link?.data.toString(), target);
      assert.equal((link?.request.file_mode ?? 0) & 0o170000, 0o120000);
      assert.equal(link?.request.file_size, 0n);
    }
  });

  it("sends links after what they may lead to, so that a replaced one never leads nowhere", async () => {
    mkdirSync(join(folder, "..v2"));
    writeFileSync(join(folder, "..v2", "key"), "x");
    symlinkSync("..v2", join(folder, "..data"));
    symlinkSync("..data/key", join(folder, "a-key"));
    writeFileSync(join(folder, "z"), "");
    await copyIn(both.client.rpc, { hostPath: folder, guestPath });
    const paths = copies().map(({ path }) => path.slice(guestPath.length));
    assert.deepEqual(paths, ["", "/..v2", "/..v2/key", "/z", "/..data", "/a-key"]);
  });

  it("follows a source that is a link itself, as a bind mount does", async () => {
    mkdirSync(join(folder, "real"));
    writeFileSync(join(folder, "real/f"), "x");
    symlinkSync("real", join(folder, "dir"));
    symlinkSync("real/f", join(folder, "file"));
    await copyIn(both.client.rpc, { hostPath: join(folder, "dir"), guestPath });
    assert.deepEqual(pathsInGuest(), ["", "/f"]);
    await copyIn(both.client.rpc, { hostPath: join(folder, "file"), guestPath: `${guestPath}2` });
    assert.equal(both.agent.files.get(`${guestPath}2`)?.data.toString(), "x");
  });

  it("leaves out sockets and FIFOs, which mean nothing in another machine", async () => {
    mkdirSync(join(folder, "v"));
    execFileSync("mkfifo", [join(folder, "v/fifo")]);
    const server = createServer().listen(join(folder, "v/socket"));
    writeFileSync(join(folder, "v/file"), "");
    await copyIn(both.client.rpc, { hostPath: join(folder, "v"), guestPath });
    server.close();
    assert.deepEqual(pathsInGuest(), ["", "/file"]);
  });

  it("refuses a tree beyond its limits, saying what to use instead", async () => {
    mkdirSync(join(folder, "v"));
    for (const name of ["a", "b", "c"]) writeFileSync(join(folder, "v", name), "12345");
    const copy = { hostPath: join(folder, "v"), guestPath };
    await assert.rejects(copyIn(both.client.rpc, copy, { maxBytes: 12, maxEntries: 100 }), Unsupported);
    await assert.rejects(copyIn(both.client.rpc, copy, { maxBytes: 100, maxEntries: 3 }), /block volume/);
    await copyIn(both.client.rpc, copy, { maxBytes: 15, maxEntries: 4 });
  });

  it("names the path that cannot be read", async () => {
    const missing = { hostPath: join(folder, "nosuch"), guestPath };
    await assert.rejects(copyIn(both.client.rpc, missing), (error: HostCallFailed) => {
      assert.ok(error instanceof HostCallFailed);
      assert.match(error.message, /nosuch: ENOENT/);
      return true;
    });
  });

  it("passes the guest's refusal on", async () => {
    writeFileSync(join(folder, "f"), "x");
    const outside = { hostPath: join(folder, "f"), guestPath: "/etc/passwd" };
    await assert.rejects(copyIn(both.client.rpc, outside), /prefix/);
  });
});
