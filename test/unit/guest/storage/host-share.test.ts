import assert from "node:assert/strict";
import { sharedFor } from "../../../../src/guest/storage/host-share.ts";
import { parseMounts } from "../../../../src/guest/sys/mounts.ts";

const SHARE = "/run/kata-containers/sandbox/host";
const MOUNTINFO = `22 1 0:20 / / rw,relatime shared:1 - erofs /dev/dm-0 ro
40 22 0:31 / ${SHARE} rw,nodev,relatime shared:9 - virtiofs kataShared rw
41 40 0:40 / ${SHARE}/web-0123456789abcdef-data rw,nodev,relatime shared:10 - virtiofs none rw
42 40 0:41 / ${SHARE}/web-2-0123456789abcdef-data rw,nodev,relatime shared:11 - virtiofs none rw
43 40 0:42 / ${SHARE}/web-fedcba9876543210-a\\040b rw,nodev,relatime - virtiofs none rw
44 22 0:40 / /run/kata-binds/web/1 rw,nodev,relatime - virtiofs none rw
45 22 0:50 / /run/kata-containers/sandbox/web-0123456789abcdef-x rw - tmpfs tmpfs rw
`;

describe("what the host shares with a container", () => {
  const mounts = parseMounts(MOUNTINFO);
  const pointsFor = (id: string) => sharedFor(id, mounts).own.map(({ point }) => point);

  it("is what bears its id, in the share only", () => {
    const web = [`${SHARE}/web-0123456789abcdef-data`, `${SHARE}/web-fedcba9876543210-a b`];
    assert.deepEqual(pointsFor("web"), web);
    assert.deepEqual(pointsFor("other"), []);
  });

  it("lies in the one share, whose own options are kept", () => {
    assert.deepEqual(sharedFor("web", mounts).shares, [
      { point: SHARE, fstype: "virtiofs", options: ["rw", "nodev", "relatime"] },
    ]);
  });

  it("is nothing in a guest without a share", () => {
    assert.deepEqual(sharedFor("web", parseMounts("22 1 0:20 / / rw - erofs /dev/dm-0 ro\n")), { own: [], shares: [] });
  });
});
