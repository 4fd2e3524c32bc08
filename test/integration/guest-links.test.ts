// A container that writes a volume may put a link anywhere in it, at any moment, and an image may hold links
// too: whatever the guest's agent mounts for a container comes from the volume and goes into its root.
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { RemoteError } from "../../src/lib/errors.ts";
import { AgentUnderTest, needTools } from "./guest-agent-harness.ts";

const VOLUME = "/run/kata-containers/shared/containers/pod/rootfs/local/scratch";
const OUTSIDE = "/run/outside";
const ATTEMPTS = 80;

const local = (path: string, mode: string) => ({
  driver: "local",
  source: "local",
  fstype: "local",
  options: [`mode=${mode}`],
  mount_point: path,
  shared: true,
});
const bind = (source: string, destination: string) => ({ source, destination, type: "bind", options: ["rbind"] });

/** Exchanges two names as fast as the kernel does it, so that no moment is without either. */
function exchange(one: string, other: string): Worker {
  const code = `
    const { workerData: [one, other] } = require("node:worker_threads");
    const rename = require("koffi").load(null).func("int renameat2(int, const char *, int, const char *, unsigned int)");
    for (;;) rename(-100, one, -100, other, 2);`;
  return new Worker(code, { eval: true, workerData: [one, other] });
}

describe("links on the way of a mount", function () {
  this.timeout(120_000);
  let t: AgentUnderTest;
  const tryOne = async (id: string, more: { storages: object[]; mounts: object[]; script: string }) => {
    const request = t.request(id, ["sh", "-c", more.script]);
    const { OCI: spec, storages = [] } = request;
    await t.agent.CreateContainer({
      ...request,
      storages: [...storages, ...more.storages],
      OCI: { ...spec, Mounts: [...(spec?.Mounts ?? []), ...more.mounts] },
    });
    await t.agent.StartContainer({ container_id: id });
    const said = (await t.output(id)).toString().trim();
    await t.agent.WaitProcess({ container_id: id });
    await t.agent.RemoveContainer({ container_id: id });
    return said;
  };

  before(async function () {
    needTools(this);
    t = await AgentUnderTest.start();
    await t.agent.CreateSandbox({ hostname: "pod", sandbox_id: "sandbox-1" });
    t.lookAgent(`mkdir -p ${OUTSIDE}/part; echo outside > ${OUTSIDE}/part/file; chmod 700 ${OUTSIDE} ${OUTSIDE}/part`);
  });

  after(async () => {
    if (t !== undefined) await t[Symbol.asyncDispose]();
  });

  it("lead no sub-path out of its volume, whenever they appear", async () => {
    t.lookAgent(
      `mkdir -p ${VOLUME}/swap/part; echo inside > ${VOLUME}/swap/part/file; ln -s ${OUTSIDE} ${VOLUME}/link`,
    );
    const root = `/proc/${t.pid}/root`;
    const swapping = exchange(`${root}${VOLUME}/swap`, `${root}${VOLUME}/link`);
    const outcomes = { inside: 0, outside: 0, refused: 0 };
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const part = `${VOLUME}/swap/part`;
        const [source, script] = attempt % 2 === 0 ? [part, "cat /part/file"] : [`${part}/file`, "cat /part"];
        // of a directory the agent makes what is missing, too
        const storages = [local(VOLUME, "0777"), ...(attempt % 2 === 0 ? [local(part, "0755")] : [])];
        if (attempt % 4 === 0) storages.push(local(`${VOLUME}/swap/new-${attempt}`, "0755"));
        try {
          const said = await tryOne(`try-${attempt}`, { storages, mounts: [bind(source, "/part")], script });
          outcomes[said === "inside" ? "inside" : "outside"] += 1;
        } catch (error) {
          assert.ok(error instanceof RemoteError, String(error));
          outcomes.refused += 1;
        }
      }
    } finally {
      await swapping.terminate();
    }
    console.log(`      ${JSON.stringify(outcomes)}`);
    const untouched = t.lookAgent(`cd ${OUTSIDE}; find . | sort; stat -c %a . part`).trim().split("\n");
    assert.deepEqual(untouched, [".", "./part", "./part/file", "700", "700"]);
    assert.equal(outcomes.outside, 0);
    assert.ok(outcomes.inside > 0, "none was mounted");
  });

  it("lead no sub-path out of its volume when they were there before", async () => {
    t.lookAgent(`mkdir -p ${VOLUME}; ln -sfn ${OUTSIDE}/part ${VOLUME}/still`);
    for (const storages of [[local(VOLUME, "0777")], [local(VOLUME, "0777"), local(`${VOLUME}/still`, "0777")]]) {
      const mounts = [bind(`${VOLUME}/still`, "/part")];
      await assert.rejects(tryOne("still", { storages, mounts, script: "true" }), /"still" is a link/);
    }
    assert.equal(t.lookAgent(`stat -c %a ${OUTSIDE}/part`).trim(), "700");
  });

  it("take no part in a volume's group, and make no directory of the guest writable", async () => {
    t.lookAgent(`mkdir -p ${VOLUME}/group; touch ${VOLUME}/group/file; ln -s ${OUTSIDE}/part ${VOLUME}/group/link`);
    const grouped = {
      ...{ driver: "bind", source: `${VOLUME}/group`, mount_point: "/run/kata-containers/sandbox/group" },
      fs_group: { group_id: 77, group_change_policy: 0 },
    };
    const mounts = [bind(grouped.mount_point, "/part")];
    const script = "cd /part; stat -c '%a %g' . file; stat -c %g link";
    assert.equal(await tryOne("group", { storages: [grouped], mounts, script }), "2775 77\n664 77\n77");
    assert.equal(t.lookAgent(`stat -c '%a %g' ${OUTSIDE}/part`).trim(), "700 0");

    t.lookAgent(`ln -s ${OUTSIDE} ${VOLUME}/upper`);
    const options = [`lowerdir=${VOLUME}`, `upperdir=${VOLUME}/upper/part`, `workdir=${VOLUME}/work`];
    const overlay = { driver: "overlayfs", options, mount_point: "/run/kata-containers/sandbox/overlay" };
    await assert.rejects(tryOne("overlay", { storages: [overlay], mounts: [], script: "true" }), /"upper" is a link/);
  });

  it("of an image lead no mount out of its root", async () => {
    t.lookAgent(`mkdir -p ${VOLUME}/in; echo inside > ${VOLUME}/in/file`);
    const make = (id: string, destination: string) =>
      tryOne(id, {
        storages: [local(VOLUME, "0777")],
        mounts: [bind(`${VOLUME}/in`, destination)],
        script: "cat /tmp/of-image-link/file",
      });
    assert.equal(await make("to-tmp", "/to-tmp/of-image-link"), "inside");
    assert.equal(t.lookAgent("ls -d /tmp/of-image-link"), "");
    // there is no such directory in the image
    await assert.rejects(make("to-outside", "/to-outside/made"), RemoteError);
    assert.equal(t.lookAgent(`ls ${OUTSIDE}`).trim(), "part");
  });

  it("and nothing is left of what was held meanwhile", () => {
    assert.equal(t.lookAgent("ls /run/kata-binds; grep -c kata-binds /proc/self/mountinfo").trim(), "0");
  });
});
