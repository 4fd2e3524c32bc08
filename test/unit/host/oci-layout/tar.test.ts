import assert from "node:assert/strict";
import { readTar, type TarEntry } from "../../../../src/host/oci-layout/tar.ts";
import { InvalidRequest } from "../../../../src/lib/errors.ts";
import { directory, file, symlink, tar } from "../../../lab/images/tar.ts";

describe("a tar stream", () => {
  const archive = tar([directory("d"), file("d/f", "hello"), symlink("s", "d/f"), file("e", "")]);

  it("gives the same entries however the bytes arrive", async () => {
    const whole = await read(archive, archive.length);
    assert.deepEqual(
      whole.map(({ path, kind, text }) => [path, kind, text]),
      [
        ["d/", "directory", ""],
        ["d/f", "file", "hello"],
        ["s", "symlink", ""],
        ["e", "file", ""],
      ],
    );
    for (const size of [1, 7, 511, 512, 513]) assert.deepEqual(await read(archive, size), whole);
  });

  it("says where a file's bytes stand", async () => {
    const found = (await read(archive, 4096)).find(({ path }) => path === "d/f");
    assert.equal(archive.toString("utf8", found?.dataAt, (found?.dataAt ?? 0) + 5), "hello");
  });

  it("skips content that nobody reads", async () => {
    const names: string[] = [];
    for await (const { entry } of readTar(inChunks(archive, 100))) names.push(entry.path);
    assert.deepEqual(names, ["d/", "d/f", "s", "e"]);
  });

  it("reads on behind the end marker, so that digests cover the padding", async () => {
    let seen = 0;
    const source = (async function* () {
      for await (const chunk of inChunks(Buffer.concat([archive, Buffer.alloc(10_240)]), 512)) {
        seen += chunk.length;
        yield chunk;
      }
    })();
    for await (const member of readTar(source)) assert.ok(member.entry.path);
    assert.equal(seen, archive.length + 10_240);
  });

  it("refuses a header whose checksum is wrong, at its offset", async () => {
    const broken = Buffer.from(archive);
    broken[512] = 0x7a;
    await assert.rejects(read(broken, 512), /no tar header at offset 512/);
  });

  it("refuses damaged pax records", async () => {
    for (const record of ["99 path=x\n", "99999999 path=x\n", "5 p\n\n\n", "0 path=\n", "-3 path=x\n"]) {
      await assert.rejects(
        read(Buffer.concat([header("x", Buffer.byteLength(record)), padded(record), archive]), 512),
        InvalidRequest,
      );
    }
  });

  it("takes names and owners from pax records", async () => {
    const record = paxRecord("path", "très/long") + paxRecord("uid", "70000") + paxRecord("mtime", "1.5");
    const [first] = await read(Buffer.concat([header("x", Buffer.byteLength(record)), padded(record), archive]), 512);
    assert.deepEqual([first?.path, first?.uid, first?.mtimeSeconds], ["très/long", 70000, 1.5]);
  });

  it("survives any single damaged byte with entries or a refusal", async () => {
    for (let at = 0; at < archive.length; at += 3) {
      const broken = Buffer.from(archive);
      broken[at] = (broken[at] ?? 0) ^ 0xa5;
      await read(broken, 1024).catch((error: unknown) => assert.ok(error instanceof InvalidRequest, String(error)));
    }
  });
});

function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  const length = rest + String(rest + 2).length;
  return `${length} ${key}=${value}\n`;
}

/** A header of another type, made from that of a file. */
function header(type: string, size: number): Buffer {
  const block = Buffer.from(tar([file("x", Buffer.alloc(size))]).subarray(0, 512));
  block.write(type, 156);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function padded(text: string): Buffer {
  const bytes = Buffer.alloc(Math.ceil(Buffer.byteLength(text) / 512) * 512);
  bytes.write(text);
  return bytes;
}

async function read(bytes: Buffer, size: number): Promise<(TarEntry & { text: string })[]> {
  const found: (TarEntry & { text: string })[] = [];
  for await (const { entry, data } of readTar(inChunks(bytes, size))) {
    const chunks: Buffer[] = [];
    for await (const chunk of data) chunks.push(chunk);
    found.push({ ...entry, text: Buffer.concat(chunks).toString("utf8") });
  }
  return found;
}

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
