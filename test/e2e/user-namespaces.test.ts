// README promise: a pod may have a user namespace of its own, and a volume may be read-only with all that
// is mounted below it. Both exist for handlers that declare them, to a containerd that asks.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustSucceed } from "../lab/command.ts";
import type { Pod } from "../support/cri.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, HANDLER, IS_OURS, usePods } from "../support/e2e.ts";
import { skip } from "../support/tools.ts";

const ids = [{ host_id: 100_000, container_id: 0, length: 65_536 }];
const POD = 0;

/** of CRI's Status, as crictl prints it */
interface RuntimeHandler {
  readonly name?: string;
  readonly features?: { readonly user_namespaces?: boolean };
}

function security(mapping: object[], more: object = {}): Readonly<Record<string, unknown>> {
  const userns_options = { mode: POD, uids: mapping, gids: mapping };
  return { security_context: { namespace_options: { ...more, userns_options } } };
}

describe("User namespaces", function () {
  this.timeout(60_000);
  const e2e = usePods();
  let pod: Pod;
  let container: string;

  before(async function () {
    this.timeout(2 * BOOT_LIMIT_MS);
    const { folder, exec } = e2e.cri.lab;
    // containerd 1.x asks no runtime for its features, 2.1 only runc (and panics for a recursively read-only mount)
    if (!IS_OURS || !(await hasFeatures())) skip(this, "needs our handler and a containerd that asks it for features");
    const scratch = join(folder, "kubelet/pods/u1/volumes/kubernetes.io~empty-dir/scratch");
    const files = join(folder, "files");
    for (const directory of [scratch, join(files, "nested")]) mkdirSync(directory, { recursive: true });
    writeFileSync(join(files, "of-root"), "");
    await mustSucceed(exec(["mount", "-t", "tmpfs", "nested", join(files, "nested")]));
    const mapped = { uidMappings: ids, gidMappings: ids };
    const mounts = [
      { container_path: "/scratch", host_path: scratch, ...mapped },
      { container_path: "/files", host_path: files, readonly: true, recursive_read_only: true, ...mapped },
    ];
    pod = await e2e.cri.runPod({ linux: security(ids) });
    container = await e2e.cri.start(pod, { more: { linux: security(ids), mounts } });
    // the pod's second container
    await e2e.cri.start(pod, {
      command: ["sh", "-c", "readlink /proc/self/ns/user > /scratch/other; sleep 1000"],
      more: { linux: security(ids), mounts },
    });
  });

  async function hasFeatures(): Promise<boolean> {
    const { stdout } = await e2e.cri.lab.crictl(["info"]);
    const { runtimeHandlers = [] } = JSON.parse(stdout.toString("utf8")) as { runtimeHandlers?: RuntimeHandler[] };
    return runtimeHandlers.some(({ name, features }) => name === HANDLER && features?.user_namespaces === true);
  }

  const say = (script: string) => e2e.cri.exec(container, ["sh", "-c", script]);
  const words = (text: string) => text.split("\n").map((line) => line.trim().replace(/\s+/g, " "));

  it("map the ids as asked, and root inside is root of nothing else", async () => {
    const maps = await say("cat /proc/self/uid_map /proc/self/gid_map; id -u");
    assert.deepEqual(words(maps), ["0 100000 65536", "0 100000 65536", "0"]);
    assert.match(await say("echo 1 2>&1 > /proc/sys/vm/drop_caches || true"), /Read-only|Permission denied|^$/);
  });

  it("leave the image's files to root inside, and what it makes", async () => {
    assert.deepEqual(words(await say("touch /made; stat -c %u:%g / /bin/busybox /made")), ["0:0", "0:0", "0:0"]);
  });

  it("give volumes their owners, made in the guest or copied into it", async () => {
    const owners = await say("touch /scratch/made; stat -c %u:%g /scratch /scratch/made /files/of-root");
    assert.deepEqual(words(owners), ["0:0", "0:0", "0:0"]);
  });

  it("leave low ports to root inside", async () => {
    // 143: nothing but the time limit ended it
    assert.equal(words(await say("timeout 1 nc -l -p 80 2>&1; echo $?")).at(-1), "143");
  });

  it("are one for all containers of the pod", async () => {
    const script = "until [ -s /scratch/other ]; do sleep 0.2; done; cat /scratch/other; readlink /proc/self/ns/user";
    const [other, own] = words(await say(script));
    assert.match(own ?? "", /^user:\[\d+\]$/);
    assert.equal(other, own);
  });

  it("do not let a recursively read-only volume be written, nor a mount below it", async () => {
    const [whole, below] = words(await say("touch /files/x 2>&1; touch /files/nested/x 2>&1; true"));
    assert.match(whole ?? "", /Read-only file system/);
    assert.match(below ?? "", /Read-only file system/);
  });

  it("are refused without container id 0, by the name of the field and before a VM boots", async () => {
    const { outcome } = await e2e.cri.attemptPod({
      linux: security([{ host_id: 100_000, container_id: 1, length: 9 }]),
    });
    assert.notEqual(outcome.code, 0);
    assert.match(outcome.stderr.toString(), /linux\.uidMappings: container id 0 is not mapped/);
  });

  it("leave nothing behind", async function () {
    this.timeout(BOOT_LIMIT_MS);
    await mustSucceed(e2e.cri.lab.exec(["umount", join(e2e.cri.lab.folder, "files/nested")]));
    await assertNothingLeft(e2e);
  });
});
