// The end of a sandbox: what containers wrote to a volume is on its disk, since the host cuts the power next.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { AgentUnderTest, needTools } from "./guest-agent-harness.ts";

const mountPoint = "/run/kata-containers/sandbox/storage/kept";

describe("the end of a sandbox in the guest", function () {
  this.timeout(60_000);
  let t: AgentUnderTest;
  let image = "";
  let loop = "";

  before(async function () {
    needTools(this);
    t = await AgentUnderTest.start();
    image = join(t.directory, "data.img");
    execFileSync("sh", ["-euc", `truncate -s 16M ${image}; mkfs.ext4 -q ${image}`]);
    loop = execFileSync("losetup", ["--find", "--show", image], { encoding: "utf8" }).trim();
    await t.agent.CreateSandbox({ sandbox_id: "pod", hostname: "pod" });
  });
  after(async () => {
    if (loop !== "") execFileSync("losetup", ["-d", loop]);
    if (t !== undefined) await t[Symbol.asyncDispose]();
  });

  it("leaves on a volume's disk what was written without a sync, by containers that still run", async () => {
    const volume = { driver: "blk", source: loop, fstype: "ext4", options: [], mount_point: mountPoint, shared: true };
    const ids = ["one", "two"];
    for (const id of ids) {
      const request = t.request(id, ["sh", "-c", `echo -n from-${id} > /tmp/${id}; exec sleep 1000`]);
      const bind = { destination: "/tmp", type: "bind", source: mountPoint, options: ["rbind", "rw"] };
      const OCI = { ...request.OCI, Mounts: [...(request.OCI?.Mounts ?? []), bind] };
      const storages = [...(request.storages ?? []), volume];
      await t.agent.CreateContainer({ ...request, OCI, storages }, { timeoutMs: 20_000 });
      await t.agent.StartContainer({ container_id: id });
      await t.exec(id, "look", ["sh", "-c", `until [ -s /tmp/${id} ]; do sleep 0.1; done`]);
    }
    await t.agent.DestroySandbox({}, { timeoutMs: 30_000 });
    const read = (id: string) =>
      execFileSync("debugfs", ["-R", `cat ${id}`, image], { stdio: ["ignore", "pipe", "ignore"] });
    assert.deepEqual(
      ids.map((id) => read(id).toString()),
      ["from-one", "from-two"],
    );
    // unmounted, and not only written
    const features = execFileSync("dumpe2fs", ["-h", image], { stdio: ["ignore", "pipe", "ignore"] });
    assert.doesNotMatch(features.toString(), /needs_recovery/);
  });
});
