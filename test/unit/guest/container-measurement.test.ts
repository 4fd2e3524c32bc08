// A host that lies about the root must show in the measured text.
import assert from "node:assert/strict";
import { describeContainer } from "../../../src/guest/container-measurement.ts";
import { convertSpec } from "../../../src/guest/spec.ts";
import { renderContainerMeasurement } from "../../../src/oci/container-measurement.ts";
import type { ContainerSpec } from "../../../src/oci/types.ts";
import { toAgentSpec } from "../../../src/translate/agent-spec.ts";
import { translateContainer } from "../../../src/translate/container.ts";
import { CreateContainerRequest, type Storage } from "../../../src/wire/gen/kata/agent.ts";
import { cases, inputOf } from "../translate/cases.ts";

const root = "/run/kata-containers/c1/rootfs";
const spec: ContainerSpec = {
  ociVersion: "1.0.2",
  process: { user: { uid: 0, gid: 0 }, args: ["true"], cwd: "/" },
  root: { path: root },
  linux: {},
};
const layer = ["X-kata.multi-layer=true"];
const verity = (rootHash: string) => [
  ...layer,
  "X-kata.dmverity-enabled=true",
  `X-kata.dmverity.roothash=${rootHash}`,
  "X-kata.dmverity.hashoffset=4096",
];
const storage = (mount_point: string, options: readonly string[] = []) =>
  ({
    driver: "scsi",
    driver_options: [],
    source: "",
    fstype: "erofs",
    options: [...options],
    mount_point,
    shared: false,
    fs_group: undefined,
  }) as unknown as Storage;
const layers = (...storages: readonly Storage[]) =>
  (JSON.parse(describeContainer(storages, spec)) as { layers: string[] }).layers;

describe("the measured layers of a container", () => {
  const [upper, lower] = ["aa".repeat(32), "bb".repeat(32)];

  it("are the root hashes of its verity layers, in the order of the request", () => {
    assert.deepEqual(layers(storage(root, verity(upper)), storage(root, verity(lower))), [upper, lower]);
  });

  it("leave out what does not touch the root", () => {
    assert.deepEqual(layers(storage(root, verity(upper)), storage("/run/kata-containers/shared/dir")), [upper]);
    assert.deepEqual(layers(storage(root, verity(upper)), storage(`${root}2`)), [upper]);
  });

  it("say unverified for a layer without verity, and for a mount at, below or above the root", () => {
    assert.deepEqual(layers(storage(root, layer)), ["unverified"]);
    for (const point of [root, `${root}/bin`, "/run/kata-containers/c1"]) {
      assert.deepEqual(layers(storage(root, verity(upper)), storage(point)), [upper, "unverified"]);
    }
  });

  it("say unverified for a layer of the overlay that names another place, or an upper disk or directory", () => {
    const elsewhere = storage("/run/kata-containers/x", layer);
    assert.deepEqual(layers(storage(root, verity(upper)), elsewhere), [upper, "unverified"]);
    const disk = storage(root, [...layer, "X-kata.overlay-upper"]);
    assert.deepEqual(layers(storage(root, verity(upper)), { ...disk, fstype: "ext4" }), ["unverified", upper]);
    const directory = storage(root, [...verity(upper), "X-kata.mkdir.path={{ mount 0 }}/upper/etc/policy"]);
    assert.deepEqual(layers(directory), ["unverified", upper]);
  });

  it("are in the order of the overlay, where partitions give it", () => {
    const partition = (hash: string, number: number) =>
      storage(root, [...verity(hash), "X-kata.gpt-partitioned=true", `X-kata.partition-number=${number}`]);
    assert.deepEqual(layers(partition(lower, 2), partition(upper, 1)), [upper, lower]);
  });

  it("say unverified for a root that is a part of the layers only", () => {
    assert.deepEqual(layers(storage("/run/kata-containers/c1", verity(upper))), ["unverified"]);
  });

  it("say unverified when the request brings nothing for the root", () => {
    assert.deepEqual(layers(), ["unverified"]);
    assert.deepEqual(layers(storage("/run/kata-containers/c2/rootfs", verity(upper))), ["unverified"]);
  });
});

describe("the measured text of a container", () => {
  for (const one of cases.filter(({ guest }) => guest.verityLayers)) {
    it(`is what its host predicts from its specification: ${one.name}`, () => {
      const input = inputOf(one);
      const { spec: translated, storages } = translateContainer(input);
      const request = CreateContainerRequest.create({ OCI: toAgentSpec(translated), storages });
      const arrived = CreateContainerRequest.decode(CreateContainerRequest.encode(request));
      const guests = convertSpec(arrived.OCI ?? assert.fail(), {
        namespaces: { shared: undefined, pid: undefined },
        cgroupsPath: "/kata/c1",
        rootfs: root,
        resolveSource: (source) => source,
      });
      const { process, root: ownRoot, linux } = input.spec;
      const predicted = renderContainerMeasurement({
        layers: input.layers.map(({ verity: { rootHash } }) => rootHash),
        process,
        readonlyRoot: ownRoot.readonly ?? false,
        mounts: (translated.mounts ?? []).map(({ destination }) => destination),
        linux: { ...linux, devices: translated.linux.devices ?? [] },
      });
      assert.equal(describeContainer(arrived.storages, guests), predicted);
    });
  }
});
