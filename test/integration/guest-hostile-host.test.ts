// A host that mounts disks of its own below the agent's directory: neither the links on them nor their mount points
// lead the agent elsewhere, and none of them becomes part of a root that is measured as another's.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { RemoteError } from "../../src/lib/errors.ts";
import { AgentUnderTest, needTools } from "./guest-agent-harness.ts";

const BASE = "/run/kata-containers";
const ELSEWHERE = "/run/elsewhere";
/** links on the host's disk by where they lie */
const links = {
  "multi-layer/lower-0": `${ELSEWHERE}/layer`,
  "resolv.conf": `${ELSEWHERE}/written`,
  containers: `${ELSEWHERE}/share`,
};

describe("a host that mounts its own disks", function () {
  this.timeout(60_000);
  const directory = mkdtempSync(join(tmpdir(), "hostile-host-"));
  let t: AgentUnderTest;
  let loop = "";

  before(async function () {
    needTools(this);
    loop = makeDisk(directory);
    t = await AgentUnderTest.start();
    t.lookAgent(`mkdir -p ${ELSEWHERE}/layer ${ELSEWHERE}/share; echo own > ${ELSEWHERE}/written`);
    await t.agent.CreateSandbox({
      sandbox_id: "sandbox-1",
      dns: ["from the host"],
      storages: [disk("sandbox"), disk("planned"), disk("shared"), disk("upper")],
    });
  });

  after(async () => {
    if (t !== undefined) await t[Symbol.asyncDispose]();
    if (loop !== "") execFileSync("losetup", ["-d", loop]);
    rmSync(directory, { recursive: true, force: true });
  });

  const disk = (name: string) => ({
    driver: "blk",
    source: loop,
    fstype: "erofs",
    options: ["ro"],
    mount_point: `${BASE}/${name}`,
    shared: true,
  });
  const create = (id: string, ...storages: object[]) => {
    const request = t.request(id, ["sleep", "1000"]);
    return t.agent.CreateContainer({ ...request, storages: [...(request.storages ?? []), ...storages] });
  };
  const refused = (call: Promise<unknown>, why: RegExp) =>
    assert.rejects(call, (error) => {
      assert.ok(error instanceof RemoteError, String(error));
      assert.match(error.remoteMessage, why);
      return true;
    });
  const mounts = (below: string) => t.lookAgent(`grep -c ' ${below}' /proc/self/mountinfo`).trim();

  it("does not have the pod's resolver written where its link leads", () => {
    assert.equal(t.lookAgent(`cat ${ELSEWHERE}/written`).trim(), "own");
    assert.match(t.lookAgent("cat /etc/resolv.conf"), /from the host/);
  });

  it("does not have a layer mounted where its link leads, nor a writable layer kept on its disk", async () => {
    await create("planned");
    assert.equal(mounts(ELSEWHERE), "0");
    await t.agent.StartContainer({ container_id: "planned" });
    const written = await t.exec("planned", "write", ["sh", "-c", "echo secret > /secret && cat /secret"]);
    assert.equal(written.output, "secret\n");
  });

  it("does not have a file copied to where its link leads", async () => {
    const path = `${BASE}/shared/containers/file`;
    const copied = t.agent.CopyFile({ path, file_size: 4n, file_mode: 0o100644, data: Buffer.from("text") });
    await refused(copied, /containers" is a link/);
    assert.equal(t.lookAgent(`ls ${ELSEWHERE}/share`), "");
  });

  it("does not get a root of layers to be shared with what is mounted at its place already", async () => {
    await create("first", disk("second/rootfs"));
    await refused(create("second"), /second\/rootfs is mounted already/);
  });

  it("does not get anything into, onto or above the root of another container", async () => {
    await create("third");
    for (const name of ["third/rootfs", "third/rootfs/bin", "third"]) {
      await refused(create("fourth", disk(name)), /the root of a container/);
    }
  });

  it("does not get other directories bound by what is no bind mount", async () => {
    const tmpfs = { driver: "ephemeral", source: "/etc", fstype: "tmpfs", mount_point: `${BASE}/tmpfs` };
    await refused(create("fifth", { ...tmpfs, options: ["bind"] }), /"bind"/);
    await refused(create("fifth", { ...tmpfs, options: ["rbind"] }), /"rbind"/);
    await create("fifth", { ...tmpfs, mount_point: `${BASE}/plain`, source: "tmpfs" });
    const again = { ...tmpfs, mount_point: `${BASE}/plain`, options: ["remount", "bind", "ro"] };
    await refused(t.agent.UpdateEphemeralMounts({ storages: [again] }), /"bind"/);
  });

  it("does not get its own files, or other directories, shown by a storage that is made for something else", async () => {
    const other = { driver: "ephemeral", source: "tag", fstype: "virtiofs", mount_point: `${BASE}/seen` };
    await refused(create("sixth", other), /"virtiofs" is not for the driver ephemeral/);
    const parts = { options: [`lowerdir=${ELSEWHERE}/layer`, `upperdir=${ELSEWHERE}/share`] };
    await refused(create("sixth", { ...disk("seen"), ...parts, fstype: "overlay" }), /"overlay" is not for/);
    const overlay = { driver: "overlayfs", source: "overlay", fstype: "overlay", mount_point: `${BASE}/seen` };
    await refused(create("sixth", { ...overlay, options: [parts.options.join(",")] }), /is not for the driver/);
    for (const option of [...parts.options, `lowerdir+=${ELSEWHERE}/layer`, `datadir+=${ELSEWHERE}/layer`]) {
      await refused(create("sixth", { ...overlay, options: [option] }), /not below|is not for an overlay/);
    }
  });

  it("does not get a layer measured by one root hash and opened by another", async () => {
    const hashes = ["aa", "bb"].map((byte) => `X-kata.dmverity.roothash=${byte.repeat(32)}`);
    const request = t.request("seventh", ["true"]);
    const [layer] = request.storages ?? [];
    const options = [...(layer?.options ?? []), `nodev,${hashes[0]}`, ...hashes.slice(1)];
    await refused(t.agent.CreateContainer({ ...request, storages: [{ ...layer, options }] }), /is not for the driver/);
  });
});

function makeDisk(directory: string): string {
  const tree = join(directory, "tree");
  for (const [path, target] of Object.entries(links)) {
    mkdirSync(join(tree, dirname(path)), { recursive: true });
    symlinkSync(target, join(tree, path));
  }
  mkdirSync(join(tree, "rootfs"));
  const image = join(directory, "disk.erofs");
  execFileSync("mkfs.erofs", ["--quiet", image, tree], { stdio: ["ignore", "ignore", "pipe"] });
  return execFileSync("losetup", ["--find", "--show", "--read-only", image], { encoding: "utf8" }).trim();
}
