import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTerminationLog } from "../../../src/guest/termination-log.ts";
import type { ContainerSpec } from "../../../src/oci/types.ts";

describe("a container's termination message", () => {
  const dir = mkdtempSync(join(tmpdir(), "termination-"));
  const source = join(dir, "file");
  after(() => rmSync(dir, { recursive: true }));

  const read = (annotations: Readonly<Record<string, string>>) =>
    readTerminationLog({
      annotations,
      spec: { mounts: [{ destination: "/dev/termination-log", source }] } as unknown as ContainerSpec,
    });
  const named = (path: string) => ({ "io.kubernetes.container.terminationMessagePath": path });

  it("is the file at the annotated path, of a long one the end, as the kubelet reads it", () => {
    writeFileSync(source, "short");
    assert.equal(read(named("/dev/termination-log")), "short");
    writeFileSync(source, `${"x".repeat(10_000)}end`);
    assert.equal(read(named("/dev/termination-log")), `${"x".repeat(4093)}end`);
  });

  it("is refused in the protocol's words where no path or no mount is named", () => {
    assert.throws(() => read({}), /terminationMessagePath/);
    assert.throws(() => read(named("/elsewhere")), /termination message mount not found/);
  });
});
