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
import type { Seccomp } from "../../../src/oci/types.ts";
import { renderWideJson } from "../../../src/oci/wide-json.ts";

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
  linux: {},
};
const seccomp: Seccomp = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [
    {
      names: ["setuid"],
      action: "SCMP_ACT_ERRNO",
      errnoRet: 1,
      args: [{ index: 0, value: 2n ** 64n - 1n, op: "SCMP_CMP_NE" }],
    },
  ],
};

describe("what is measured of a container", () => {
  it("is one text with members in a fixed order, sets sorted", () => {
    const environment = createHash("sha256").update('["PATH=/bin","TOKEN=secret"]').digest("hex");
    const expected =
      `{"format":"kata-cvm-container/2","layers":["${"aa".repeat(32)}","${"bb".repeat(32)}"],` +
      `"args":["sh","-c","true"],"cwd":"/","environment":"${environment}",` +
      '"user":{"uid":1,"gid":2,"additionalGids":[4,30]},"userNamespace":false,"capabilities":{"bounding":["CAP_CHOWN","CAP_KILL"],' +
      '"effective":[],"inheritable":[],"permitted":[],"ambient":[]},"noNewPrivileges":false,"readonlyRoot":true,' +
      '"mounts":["/etc/hosts","/proc"],"maskedPaths":[],"devices":[],"seccomp":null}';
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

  it("tells a user namespace, whichever ids it has, from one that maps the guest's own root", () => {
    const withIds = (uid: number, gid: number) => {
      const mapping = (hostID: number) => [{ containerID: 0, hostID, size: 65_536 }];
      const linux = { namespaces: [{ type: "user" as const }], uidMappings: mapping(uid), gidMappings: mapping(gid) };
      return renderContainerMeasurement({ ...container, linux });
    };
    assert.match(withIds(65_536, 65_536), /"userNamespace":true/);
    assert.equal(withIds(131_072, 131_072), withIds(65_536, 65_536));
    for (const text of [withIds(0, 65_536), withIds(65_536, 0)]) assert.match(text, /"userNamespace":false/);
  });

  it("names what is hidden from it and its devices, a disk without the numbers that differ from guest to guest", () => {
    const linux = {
      maskedPaths: ["/proc/keys", "/etc/policy"],
      devices: [
        { type: "c", path: "/dev/urandom", major: 1, minor: 5 },
        { type: "b", path: "/dev/x", major: 8, minor: 16 },
      ],
    };
    assert.match(
      renderContainerMeasurement({ ...container, linux }),
      /"maskedPaths":\["\/etc\/policy","\/proc\/keys"\],"devices":\["b \/dev\/x","c 1:5 \/dev\/urandom"\]/,
    );
  });

  it("moves with each part of its seccomp profile, however a number or an absent part is written", () => {
    const [rule] = seccomp.syscalls ?? [];
    const withRule = (change: object) =>
      renderContainerMeasurement({
        ...container,
        linux: { seccomp: { ...seccomp, syscalls: [{ ...rule, ...change }] } },
      } as MeasuredContainer);
    const text = withRule({});
    for (const change of [
      { errnoRet: 0 },
      { errnoRet: undefined },
      { action: "SCMP_ACT_LOG" },
      { names: [] },
      { args: [] },
    ])
      assert.notEqual(withRule(change), text);
    assert.equal(withRule({ args: [{ ...rule?.args?.[0], valueTwo: 0n }] }), text);
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
        linux: { seccomp, maskedPaths: ["/proc/keys"] },
      };
      writeFileSync(join(dir, "config.json"), renderWideJson(spec));
      const { json } = await measureContainerCommand.run({ spec: join(dir, "config.json"), layer: container.layers });
      const text = renderContainerMeasurement({ ...container, linux: spec.linux });
      assert.deepEqual(json, { pcr: 14, digest: createHash("sha256").update(text).digest("hex"), text });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it("is extended by its SHA-256", () => {
    assert.equal(digestContainerMeasurement("é").toString("hex"), createHash("sha256").update("é").digest("hex"));
  });
});
