// A volume that the kubelet replaces, sent again by the host's own sender into a directory of this machine.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentRpc } from "../../../src/agent/agent-client.ts";
import { copyIn } from "../../../src/agent/copy-in.ts";
import { copyFile } from "../../../src/guest/copy-file.ts";
import { CopyFileRequest } from "../../../src/wire/gen/kata/agent.ts";

describe("a volume that is sent again", () => {
  const dir = mkdtempSync(join(tmpdir(), "copied-"));
  const host = join(dir, "host");
  const root = join(dir, "share");
  const guest = join(root, "volume");
  const rpc = {
    CopyFile: async (request: object) => copyFile(CopyFileRequest.create(request), root),
  } as unknown as AgentRpc;
  after(() => rmSync(dir, { recursive: true }));

  /** As the kubelet's atomic writer, but that it may come late to remove what is old. */
  function write(version: string, files: Readonly<Record<string, string>>): void {
    for (const name of existsSync(host) ? readdirSync(host) : []) if (!name.startsWith("..")) rmSync(join(host, name));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(host, version, name, ".."), { recursive: true });
      writeFileSync(join(host, version, name), text);
      const [top = ""] = name.split("/");
      if (!existsSync(join(host, top))) symlinkSync(join("..data", top), join(host, top));
    }
    symlinkSync(version, join(host, "..tmp"));
    renameSync(join(host, "..tmp"), join(host, "..data"));
  }

  const send = () => copyIn(rpc, { hostPath: host, guestPath: guest });

  it("loses what the new version lacks, earlier secrets among it, and keeps the rest", async () => {
    write("..2026_11_23_one", { kept: "1", taken: "secret", "below/deep/key": "1", "other/key": "1" });
    await send();
    assert.equal(readFileSync(join(guest, "taken"), "utf8"), "secret");
    write("..2026_11_24_two", { kept: "2", added: "2", "other/key": "2" });
    await send();
    assert.deepEqual(readdirSync(guest).sort(), ["..2026_11_24_two", "..data", "added", "kept", "other"]);
    assert.deepEqual(
      ["kept", "added", "other/key"].map((name) => readFileSync(join(guest, name), "utf8")),
      ["2", "2", "2"],
    );
  });

  it("loses nothing that lies outside by a link that stands where a directory was", async () => {
    const outside = join(dir, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "file"), "stays");
    mkdirSync(join(guest, "..2026_old"));
    symlinkSync(outside, join(guest, "..2026_old/link"));
    symlinkSync(outside, join(guest, "..2026_link"));
    write("..2026_11_25_three", { kept: "3" });
    await send();
    assert.ok(!existsSync(join(guest, "..2026_old")));
    assert.equal(readFileSync(join(outside, "file"), "utf8"), "stays");
  });

  it("waits for nobody at a FIFO that a container put where a file grows", async () => {
    execFileSync("mkfifo", [join(guest, "file.kata-tmp")]);
    const file = { path: join(guest, "file"), file_size: 4n, file_mode: 0o100640, uid: 0, gid: 0 };
    await rpc.CopyFile({ ...file, data: Buffer.from("te") });
    rmSync(join(guest, "file.kata-tmp"));
    execFileSync("mkfifo", [join(guest, "file.kata-tmp")]);
    await assert.rejects(rpc.CopyFile({ ...file, offset: 2n, data: Buffer.from("xt") }), { code: "ENXIO" });
    await rpc.CopyFile({ ...file, data: Buffer.from("text") });
    assert.equal(readFileSync(join(guest, "file"), "utf8"), "text");
  });

  it("keeps everything where `..data` leads elsewhere than to a version beside it", async () => {
    mkdirSync(join(dir, "odd/..kept"), { recursive: true });
    symlinkSync("/tmp", join(dir, "odd/..data"));
    await copyIn(rpc, { hostPath: join(dir, "odd"), guestPath: join(root, "odd") });
    assert.deepEqual(readdirSync(join(root, "odd")).sort(), ["..data", "..kept"]);
  });
});
