import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AlreadyExists, HostCallFailed, NotFound } from "../../../src/lib/errors.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { Pod } from "../../../src/pod/pod.ts";
import { PodTable } from "../../../src/shim/pod-table.ts";
import { FakeWorld } from "../pod/fake-world.ts";
import { containerSpec, sandboxSpec, validSpec } from "./task-harness.ts";

const stdio = { stdin: "", stdout: "/out", stderr: "", terminal: false };

describe("the table of pods", () => {
  let folder: string;
  let worlds: Map<string, FakeWorld>;
  let table: PodTable;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pod-table-"));
    worlds = new Map();
    table = new PodTable((podId) => {
      const world = new FakeWorld();
      worlds.set(podId, world);
      return new Pod(podId, world, silentLogger);
    });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function create(id: string, spec: object) {
    const bundle = join(folder, id);
    mkdirSync(bundle, { recursive: true });
    writeFileSync(join(bundle, "config.json"), JSON.stringify(spec));
    return table.create({ id, bundle, rootfs: [], stdio, configPath: "", signal: new AbortController().signal });
  }

  function inPod(podId: string): object {
    const annotations = { "io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": podId };
    return containerSpec({ annotations });
  }

  it("puts each container into the pod that its annotations name, with several pods at once", async () => {
    await create("p1", sandboxSpec());
    await create("p2", sandboxSpec());
    await create("c1", inPod("p1"));
    await create("c2", inPod("p2"));
    assert.deepEqual(
      table.pods.map((pod) => [pod.id, pod.containerIds]),
      [
        ["p1", ["p1", "c1"]],
        ["p2", ["p2", "c2"]],
      ],
    );
    assert.equal(table.podOf("c2").id, "p2");
    assert.equal(table.container("c1").facts.bundle, join(folder, "c1"));
  });

  it("makes a pod of its own for a container without annotations, as from ctr and Docker", async () => {
    await create("solo", validSpec);
    assert.equal(table.container("solo").facts.role, "single");
    assert.equal(table.podOf("solo").id, "solo");
  });

  it("takes the annotations of CRI-O too", async () => {
    await create("p1", sandboxSpec({ annotations: { "io.kubernetes.cri-o.ContainerType": "sandbox" } }));
    const annotations = { "io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.SandboxID": "p1" };
    await create("c1", containerSpec({ annotations }));
    assert.equal(table.podOf("c1").id, "p1");
  });

  it("refuses a container whose pod is not here, or has ended", async () => {
    await assert.rejects(create("c1", inPod("p1")), NotFound);
    await create("p1", sandboxSpec());
    await table.podOf("p1").end();
    await assert.rejects(create("c1", inPod("p1")), /cannot create a container: pod p1 is stopped/);
  });

  it("refuses a pod's id as long as anything of that pod is left, and takes it afterwards", async () => {
    await create("p1", sandboxSpec());
    await assert.rejects(create("p1", sandboxSpec()), AlreadyExists);
    await table.podOf("p1").end();
    await assert.rejects(create("p1", sandboxSpec()), AlreadyExists);
    await table.podOf("p1").delete("p1");
    await create("p1", sandboxSpec());
  });

  it("takes an id again whose first Create failed", async () => {
    const specWithout = sandboxSpec({ linux: { namespaces: [] } });
    await assert.rejects(create("p1", specWithout), /hostNetwork/);
    await create("p1", sandboxSpec());
    assert.ok(table.isHeld);
  });

  it("reclaims at once what a refused pod had claimed", async () => {
    await assert.rejects(create("p1", sandboxSpec({ linux: { namespaces: [] } })), /hostNetwork/);
    assert.deepEqual(worlds.get("p1")?.log, ["reclaim"]);
    assert.ok(!table.busy);
  });

  it("names the file and the reason when a bundle cannot be read, and makes no pod", async () => {
    const { signal } = new AbortController();
    const request = { id: "p1", bundle: join(folder, "nosuch"), rootfs: [], stdio, configPath: "", signal };
    await assert.rejects(table.create(request), (error: HostCallFailed) => {
      assert.ok(error instanceof HostCallFailed);
      assert.equal(error.errno, "ENOENT");
      assert.match(error.message, /nosuch\/config\.json/);
      return true;
    });
    assert.deepEqual(table.pods, []);
  });
});
