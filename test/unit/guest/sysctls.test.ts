import assert from "node:assert/strict";
import { sysctlPath } from "../../../src/guest/sysctls.ts";

describe("the file of a sysctl", () => {
  it("is found where a directory's name has a dot, which the kubelet writes as a slash", () => {
    assert.equal(sysctlPath("net.ipv4.conf.eth0/100.rp_filter"), "/proc/sys/net/ipv4/conf/eth0.100/rp_filter");
    assert.equal(sysctlPath("kernel.shmmax"), "/proc/sys/kernel/shmmax");
  });

  it("lies among those that a pod may set", () => {
    const names = [
      "kernel.core_pattern",
      "vm.swappiness",
      "net.//.kernel.core_pattern",
      "net..kernel",
      "net./.x",
      "net.",
    ];
    assert.deepEqual(
      names.map(sysctlPath),
      names.map(() => undefined),
    );
  });
});
