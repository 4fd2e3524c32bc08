import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { reportFailure } from "../../../src/cli/outcome.ts";
import { ReaderGone, sinkOf } from "../../../src/cli/terminal.ts";

describe("a stream of ours as a container's", () => {
  const failing = (code: string) => {
    const write = (_bytes: unknown, _encoding: string, done: (error: Error) => void) =>
      done(Object.assign(new Error(`write ${code}`), { code }));
    return new Writable({ write }) as NodeJS.WriteStream;
  };

  it("ends the command as SIGPIPE would, and says nothing, once its reader has enough", async () => {
    let told = 0;
    const sink = sinkOf(failing("EPIPE"), () => {
      told += 1;
    });
    await assert.rejects(sink.write(Buffer.from("first")), ReaderGone);
    await assert.rejects(sink.write(Buffer.from("second")), ReaderGone);
    assert.equal(told, 1);
    assert.equal(reportFailure(new ReaderGone()), 141);
  });

  it("fails with the reason where what is written is lost", async () => {
    await assert.rejects(sinkOf(failing("ENOSPC"), () => undefined).write(Buffer.from("x")), /write ENOSPC/);
  });
});
