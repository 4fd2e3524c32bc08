import assert from "node:assert/strict";
import { Unsupported } from "../../../src/lib/errors.ts";
import type { Device, DeviceCgroup } from "../../../src/oci/types.ts";
import { translateContainer } from "../../../src/translate/container.ts";
import { inputOf } from "./cases.ts";

const fuse: Device = { path: "/dev/fuse", type: "c", major: 10, minor: 229 };
const disk: Device = { path: "/dev/xvda", type: "b", major: 8, minor: 16 };

function devicesOf(devices: readonly Device[], rules: readonly DeviceCgroup[]): readonly Device[] | undefined {
  const input = inputOf({
    name: "app",
    role: "container",
    guest: { seccomp: true, verityLayers: true, userNamespaces: true },
  });
  const linux = { ...input.spec.linux, devices, resources: { ...input.spec.linux.resources, devices: rules } };
  return translateContainer({ ...input, spec: { ...input.spec, linux } }).spec.linux.devices;
}

describe("a container's devices", () => {
  const none: DeviceCgroup = { allow: false, access: "rwm" };

  it("keep the numbers of character devices", () => {
    assert.deepEqual(devicesOf([fuse], [none]), [fuse]);
  });

  it("are refused by name where one is a disk of the host, which is another disk in the guest", () => {
    const own: DeviceCgroup = { allow: true, type: "b", major: 8, minor: 16, access: "rwm" };
    assert.throws(
      () => devicesOf([fuse, disk], [none, own]),
      (error) => error instanceof Unsupported && /block device \/dev\/xvda/.test(error.message),
    );
  });

  it("lack the disks of a privileged container that is given all of the host's", () => {
    for (const all of [
      { allow: true, access: "rwm" },
      { allow: true, type: "a", access: "rwm" },
    ]) {
      assert.deepEqual(devicesOf([fuse, disk], [none, all]), [fuse]);
    }
  });
});
