import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLogger } from "../../../src/host/logger-process.ts";
import { HostCallFailed } from "../../../src/lib/errors.ts";

const ids = { containerId: "c1", containerdNamespace: "k8s.io" };

describe("a logger of containerd's", () => {
  const dir = mkdtempSync(join(tmpdir(), "logger-"));
  const written = join(dir, "written");
  after(() => rmSync(dir, { recursive: true }));

  function logger(script: string, ready: "byte" | "closing") {
    const program = join(dir, "logger");
    writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return { kind: "logger", program, args: ["id", "a"], env: { LEVEL: "debug" }, ready } as const;
  }

  /** What it has written once both of its streams have ended. */
  async function log(command: ReturnType<typeof logger>): Promise<string> {
    const { stdout, stderr } = await openLogger(command, ids);
    await stdout.write(Buffer.from("out\n"));
    await stderr.write(Buffer.from("err\n"));
    await Promise.all([stdout.close(), stderr.close()]);
    return readFileSync(written, "utf8");
  }

  const work = `{ echo "$1 $2 $LEVEL $CONTAINER_ID $CONTAINER_NAMESPACE"; cat <&3; cat <&4; } > ${written}`;

  it("may say that it is ready by a byte, and must in the newer form", async () => {
    for (const ready of ["closing", "byte"] as const) {
      assert.equal(await log(logger(`printf x >&5; ${work}`, ready)), "id a debug c1 k8s.io\nout\nerr\n");
    }
  });

  it("that ends before it is ready fails the start in the newer form, where the older one takes it for ready", async () => {
    await assert.rejects(openLogger(logger("exit 1", "byte"), ids), (error: unknown) => {
      assert.ok(error instanceof HostCallFailed);
      assert.match(error.message, /start the logger .*: it closed descriptor 5 unready/);
      return true;
    });
    const { stdout, stderr } = await openLogger(logger("exit 1", "closing"), ids);
    await Promise.all([stdout.close(), stderr.close()]);
  });
});
