import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureContainerCommand } from "../../../src/cli/measure-container.ts";
import {
  digestContainerMeasurement,
  type MeasuredContainer,
  renderContainerMeasurement,
} from "../../../src/oci/container-measurement.ts";

const container: MeasuredContainer = {
  layers: ["aa".repeat(32), "bb".repeat(32)],
  process: {
    user: { uid: 1, gid: 2, additionalGids: [30, 4] },
    args: ["sh", "-c", "true"],
    env: ["PATH=/bin", "TOKEN=secret"],
    cwd: "/",
    capabilities: { bounding: ["CAP_KILL", "CAP_CHOWN"] },
  },
  readonlyRoot: true,
  mounts: ["/proc", "/etc/hosts", "/proc"],
};

describe("what is measured of a container", () => {
  it("is one text with members in a fixed order, sets sorted", () => {
    const environment = createHash("sha256").update('["PATH=/bin","TOKEN=secret"]').digest("hex");
    const expected =
      `{"format":"kata-cvm-container/1","layers":["${"aa".repeat(32)}","${"bb".repeat(32)}"],` +
      `"args":["sh","-c","true"],"cwd":"/","environment":"${environment}",` +
      '"user":{"uid":1,"gid":2,"additionalGids":[4,30]},"capabilities":{"bounding":["CAP_CHOWN","CAP_KILL"],' +
      '"effective":[],"inheritable":[],"permitted":[],"ambient":[]},"noNewPrivileges":false,"readonlyRoot":true,' +
      '"mounts":["/etc/hosts","/proc"]}';
    assert.equal(renderContainerMeasurement(container), expected);
  });

  it("holds no value of the environment, yet moves with each of them", () => {
    const other = { ...container, process: { ...container.process, env: ["PATH=/bin", "TOKEN=other"] } };
    assert.ok(!renderContainerMeasurement(container).includes("secret"));
    assert.notEqual(renderContainerMeasurement(container), renderContainerMeasurement(other));
  });

  it("moves with the order of layers", () => {
    const turned = { ...container, layers: [...container.layers].reverse() };
    assert.notEqual(renderContainerMeasurement(container), renderContainerMeasurement(turned));
  });

  it("is told by measure container from an OCI specification", async () => {
    const dir = mkdtempSync(join(tmpdir(), "container-"));
    try {
      const { process, mounts } = container;
      const spec = {
        ociVersion: "1.0.2",
        process,
        root: { path: "rootfs", readonly: true },
        mounts: mounts.map((destination) => ({ destination, type: "bind", source: "/somewhere" })),
        linux: {},
      };
      writeFileSync(join(dir, "config.json"), JSON.stringify(spec));
      const { json } = await measureContainerCommand.run({ spec: join(dir, "config.json"), layer: container.layers });
      const text = renderContainerMeasurement(container);
      assert.deepEqual(json, { pcr: 14, digest: createHash("sha256").update(text).digest("hex"), text });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it("is extended by its SHA-256", () => {
    assert.equal(digestContainerMeasurement("é").toString("hex"), createHash("sha256").update("é").digest("hex"));
  });
});
