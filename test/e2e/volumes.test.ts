// README promise: what Kubernetes mounts into a container is there, with its modes, updates and limits; what
// need not touch the host does not.
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { mustSucceed } from "../lab/command.ts";
import { handlerConfigPath } from "../lab/containerd-config.ts";
import { BROKEN_HANDLER, classConfig } from "../lab/handlers.ts";
import { deadline } from "../lab/patience.ts";
import { type Pod, SLEEP } from "../support/cri.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, IS_OURS, sharedLab, usePods } from "../support/e2e.ts";

interface Mount {
  readonly container_path: string;
  readonly host_path: string;
  readonly readonly?: boolean;
  readonly propagation?: number;
}

/** The kubelet's folder of one pod, and the volumes in it as the kubelet makes them. */
class KubeletPod {
  readonly folder: string;
  readonly #mounted: string[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  volume(plugin: string, name: string): string {
    const path = join(this.folder, "volumes", `kubernetes.io~${plugin}`, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Files behind the link `..data`, which is swapped as a whole. */
  project(volume: string, version: string, files: Readonly<Record<string, string>>): void {
    mkdirSync(join(volume, `..${version}`));
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(volume, `..${version}`, name), text);
      if (!existsSync(join(volume, name))) symlinkSync(join("..data", name), join(volume, name));
    }
    symlinkSync(`..${version}`, join(volume, "..data_tmp"));
    renameSync(join(volume, "..data_tmp"), join(volume, "..data"));
  }

  async mount(path: string, ...how: string[]): Promise<string> {
    mkdirSync(path, { recursive: true });
    await mustSucceed((await sharedLab()).exec(["mount", ...how, path]));
    this.#mounted.push(path);
    return path;
  }

  async remove(): Promise<void> {
    for (const path of this.#mounted.reverse()) await (await sharedLab()).exec(["umount", "-l", path]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  for (const end = deadline(200_000); !(await check()); await pause(300)) {
    assert.ok(Date.now() < end, `${what}: not within 200 s`);
  }
}

const withMounts = (mounts: readonly Mount[]) => ({ command: SLEEP, more: { mounts } });

describe("Volumes", function () {
  this.timeout(300_000);
  const e2e = usePods();
  let kubelet: KubeletPod;
  let outside = "";
  let host = "";
  let config = "";
  let empty = "";
  let disk = "";
  let pod: Pod;
  let one: string;
  let other: string;
  const shell = (container: string, script: string) => e2e.cri.exec(container, ["sh", "-c", script]);

  before(async function () {
    this.timeout(2 * BOOT_LIMIT_MS);
    kubelet = new KubeletPod(join(e2e.cri.lab.folder, "kubelet/pods/volumes-1"));
    config = kubelet.volume("configmap", "config");
    kubelet.project(config, "v1", { key: "first" });
    const secret = kubelet.volume("secret", "secret");
    kubelet.project(secret, "v1", { token: "hush" });
    chmodSync(join(secret, "..v1/token"), 0o400);
    host = join(kubelet.folder, "host");
    outside = join(kubelet.folder, "outside");
    mkdirSync(host);
    writeFileSync(outside, "of the host");
    writeFileSync(join(host, "file"), "of the volume");
    symlinkSync(outside, join(host, "absolute"));
    symlinkSync("../outside", join(host, "relative"));
    const image = join(kubelet.folder, "disk.img");
    await mustSucceed(e2e.cri.lab.exec(["sh", "-euc", `truncate -s 8M ${image}; mkfs.ext4 -q ${image}`]));
    disk = await kubelet.mount(join(kubelet.folder, "disk"), "-o", "loop", image);
    await mustSucceed(e2e.cri.lab.exec(["sh", "-euc", `mkdir ${disk}/in; echo -n of the disk > ${disk}/file`]));
    empty = kubelet.volume("empty-dir", "scratch");
    const memory = await kubelet.mount(kubelet.volume("empty-dir", "memory"), "-t", "tmpfs", "tmpfs");
    mkdirSync(join(empty, "a/b"), { recursive: true });
    const part = join(kubelet.folder, "volume-subpaths/scratch/web/0");
    await kubelet.mount(part, "--bind", join(empty, "a/b"));
    pod = await e2e.cri.runPod();
    const common = [
      { container_path: "/empty", host_path: empty },
      { container_path: "/memory", host_path: memory },
    ];
    one = await e2e.cri.start(
      pod,
      withMounts([
        ...common,
        { container_path: "/config", host_path: config, readonly: true },
        { container_path: "/secret", host_path: secret, readonly: true },
        { container_path: "/host", host_path: host },
        { container_path: "/read-only", host_path: host, readonly: true },
        { container_path: "/etc/one-file", host_path: join(host, "file") },
        { container_path: "/disk", host_path: disk },
        { container_path: "/etc/disk-file", host_path: join(disk, "file") },
      ]),
    );
    other = await e2e.cri.start(pod, withMounts([...common, { container_path: "/part", host_path: part }]));
  });

  after(async function () {
    this.timeout(60_000);
    await e2e.cri.cleanUp();
    await kubelet.remove();
  });

  it("a config map is there, and an update of it appears under the same names", async () => {
    assert.equal(await shell(one, "cat /config/key"), "first");
    kubelet.project(config, "v2", { key: "second", more: "new" });
    rmSync(join(config, "..v1"), { recursive: true });
    await until("the update", async () => (await shell(one, "cat /config/key")) === "second");
    assert.equal(await shell(one, "cat /config/more"), "new");
    const names = async () => (await shell(one, "ls -A /config")).split("\n").sort();
    if (IS_OURS) assert.deepEqual(await names(), ["..data", "..v2", "key", "more"]);
  });

  it("a secret keeps its modes", async () => {
    assert.equal(await shell(one, "stat -L -c %a /secret/token; cat /secret/token"), "400\nhush");
  });

  it("a read-only mount refuses writes, and the same directory mounted otherwise takes them", async () => {
    const refused = "touch /read-only/x 2>&1; touch /config/x 2>&1; touch /host/y && ls /read-only/y";
    assert.match(await shell(one, refused), /Read-only.*\n.*Read-only.*\n\/read-only\/y$/);
    assert.ok(!existsSync(join(host, "x")));
  });

  it("a host directory has the host's changes, and the host has the container's, owners included", async () => {
    assert.equal(await shell(one, "cat /host/file"), "of the volume");
    await shell(one, "echo -n hello > /host/from-container; chown 12:34 /host/from-container");
    assert.equal(readFileSync(join(host, "from-container"), "utf8"), "hello");
    const { uid, gid } = statSync(join(host, "from-container"));
    assert.deepEqual([uid, gid], [12, 34]);
    writeFileSync(join(host, "from-host"), "later");
    await until("the host's file", async () => (await shell(one, "cat /host/from-host || true")) === "later");
  });

  it("links that lead out of a volume end in the container, never on the host", async () => {
    const script = "cat /host/absolute || echo gone; echo -n own > /outside; cat /host/relative";
    assert.equal(await shell(one, `exec 2> /dev/null; ${script}`), "gone\nown");
    const made = `ln -s ${outside} /host/made-inside; cat /host/made-inside 2> /dev/null || echo gone`;
    assert.equal(await shell(one, made), "gone");
    assert.equal(readFileSync(outside, "utf8"), "of the host");
  });

  it("a single file is mounted as one, and written in place", async () => {
    assert.equal(await shell(one, "cat /etc/one-file; echo -n changed > /etc/one-file"), "of the volume");
    assert.equal(readFileSync(join(host, "file"), "utf8"), "changed");
  });

  it("an emptyDir is empty, shared by the pod's containers, and open to every user", async () => {
    assert.equal(await shell(one, "stat -c %a /empty; echo -n shared > /empty/x"), "777");
    assert.equal(await shell(other, "cat /empty/x"), "shared");
  });

  it("an emptyDir of medium Memory is a tmpfs, and shared as well", async () => {
    await shell(one, "echo -n quick > /memory/x");
    assert.equal(await shell(other, "cat /memory/x; grep -c ' /memory tmpfs ' /proc/mounts"), "quick1");
  });

  it("a subPath of an emptyDir is that directory of it", async () => {
    await shell(other, "echo -n deep > /part/x");
    assert.equal(await shell(one, "cat /empty/a/b/x"), "deep");
  });

  it("an emptyDir leaves nothing on the host", function () {
    if (!IS_OURS) this.skip();
    assert.deepEqual(readdirSync(join(empty, "a/b")), []);
    assert.deepEqual(readdirSync(empty), ["a"]);
  });

  it("propagation is refused, naming the field", async function () {
    if (!IS_OURS) this.skip();
    for (const [propagation, name] of [
      [1, "PROPAGATION_HOST_TO_CONTAINER"],
      [2, "PROPAGATION_BIDIRECTIONAL"],
    ] as const) {
      const mount = { container_path: "/data", host_path: host, propagation };
      await assert.rejects(e2e.cri.start(pod, withMounts([mount])), (error: Error) => {
        assert.ok(error.message.includes(`mounts[container_path=/data].propagation ${name}`), error.message);
        return true;
      });
    }
  });

  it("a removed container leaves no mount on the host while its pod goes on", async () => {
    const script = "cat /disk/file /etc/disk-file; echo -n kept > /disk/in/new; cat /disk/in/new";
    assert.equal(await shell(one, script), "of the diskof the diskkept");
    await mustSucceed(e2e.cri.crictl(["rm", "-f", one], { timeoutMs: 60_000 }));
    const { stdout } = await mustSucceed(e2e.cri.lab.exec(["cat", "/proc/1/mountinfo"]));
    const left = stdout.toString("utf8").split("\n");
    assert.deepEqual(
      left.filter((line) => line.includes(one)),
      [],
    );
    assert.equal(await shell(other, "cat /empty/x"), "shared");
  });

  it("a removed container keeps no file system of the host busy: an unmounted one gives its disk back", async () => {
    const image = join(kubelet.folder, "disk.img");
    const users = async () => {
      const { stdout } = await mustSucceed(e2e.cri.lab.exec(["losetup", "--associated", image]));
      return stdout.toString("utf8");
    };
    assert.match(await users(), /disk\.img/);
    await mustSucceed(e2e.cri.lab.exec(["umount", disk]));
    for (const end = deadline(10_000); (await users()) !== ""; await pause(100)) {
      assert.ok(Date.now() < end, `10 s after it was unmounted: ${await users()}`);
    }
    assert.equal(await shell(other, "cat /empty/x"), "shared");
  });

  it("nothing is left", async () => {
    await kubeletDone();
    await assertNothingLeft(e2e);
  });

  const kubeletDone = async () => {
    await e2e.cri.cleanUp();
    await kubelet.remove();
  };
});

describe("Volumes that are disks", function () {
  this.timeout(300_000);
  const e2e = usePods();
  let kubelet: KubeletPod;
  let empty = "";
  let image = "";
  let record = "";
  let pod: Pod;
  let container: string;
  const shell = (script: string) => e2e.cri.exec(container, ["sh", "-c", script]);
  const inLab = (script: string) => mustSucceed(e2e.cri.lab.exec(["sh", "-euc", script]));

  before(async function () {
    if (!IS_OURS) this.skip();
    this.timeout(2 * BOOT_LIMIT_MS);
    kubelet = new KubeletPod(join(e2e.cri.lab.folder, "kubelet/pods/volumes-2"));
    empty = kubelet.volume("empty-dir", "private");
    const direct = kubelet.volume("csi", "data");
    image = join(kubelet.folder, "data.img");
    writeFileSync(join(kubelet.folder, "hello"), "from the image");
    await inLab(
      `truncate -s 32M ${image}; mkfs.ext4 -q ${image}; debugfs -w -R "write ${kubelet.folder}/hello hello" ${image}`,
    );
    record = `/run/kata-containers/shared/direct-volumes/${Buffer.from(direct).toString("base64url")}`;
    record += "=".repeat((4 - (Buffer.from(direct).toString("base64url").length % 4)) % 4);
    const info = JSON.stringify({ "volume-type": "blk", device: image, fstype: "ext4", options: [], metadata: {} });
    await inLab(`mkdir -p ${record}; echo '${info}' > ${record}/mountInfo.json`);
    pod = await e2e.cri.runPod({
      annotations: { "io.katacontainers.config.runtime.emptydir_mode": "block-encrypted" },
    });
    const mounts = [
      { container_path: "/private", host_path: empty },
      { container_path: "/data", host_path: direct },
    ];
    container = await e2e.cri.start(pod, withMounts(mounts));
  });

  after(async function () {
    this.timeout(60_000);
    if (!IS_OURS) return;
    await e2e.cri.cleanUp();
    await kubelet.remove();
  });

  it("an encrypted emptyDir is empty, open to every user, and on a dm-crypt disk", async () => {
    assert.equal(await shell("ls -A /private; stat -c %a /private"), "777");
    assert.match(await shell("grep ' /private ' /proc/mounts"), /^\/dev\/(dm-\d+|mapper\/\S+) \/private ext4 rw/);
  });

  it("what is written to it reaches the host's disk, and is not to be read there", async () => {
    const marker = "kata-cvm-plain-text-marker-";
    await shell(`yes ${marker} | head -c 262144 > /private/file; sync; rm -f /private/gone`);
    const { blocks } = statSync(join(empty, "disk.img"));
    assert.ok(blocks * 512 >= 262_144, `${blocks} blocks were written`);
    const found = await e2e.cri.lab.exec(["grep", "-c", marker, join(empty, "disk.img")]);
    assert.equal(found.stdout.toString("utf8").trim(), "0");
  });

  it("the containers of the pod share it", async () => {
    const mounts = [{ container_path: "/same", host_path: empty }];
    const second = await e2e.cri.start(pod, withMounts(mounts));
    assert.equal(await e2e.cri.exec(second, ["sh", "-c", "head -c 8 /same/file"]), "kata-cvm");
  });

  it("a direct volume is the file system that its record names, and keeps what is written", async () => {
    assert.equal(await shell("cat /data/hello; echo -n kept > /data/new"), "from the image");
    await e2e.cri.removePod(pod);
    assert.equal((await inLab(`debugfs -R "cat new" ${image} 2>/dev/null`)).stdout.toString("utf8"), "kept");
  });

  it("nothing is left, neither the disk of the emptyDir", async () => {
    assert.ok(!existsSync(join(empty, "disk.img")));
    await inLab("rm -rf /run/kata-containers");
    await kubelet.remove();
    await assertNothingLeft(e2e);
  });
});

(IS_OURS ? describe : describe.skip)("Volumes that are copied", function () {
  this.timeout(300_000);
  const e2e = usePods({ handler: BROKEN_HANDLER });
  let kubelet: KubeletPod;

  before(() => {
    kubelet = new KubeletPod(join(e2e.cri.lab.folder, "kubelet/pods/volumes-3"));
    const text = classConfig("kata-cvm-fast", { volumes: { host_paths: "copy" } });
    writeFileSync(handlerConfigPath(e2e.cri.lab.folder, { name: BROKEN_HANDLER }), text);
  });
  after(() => kubelet.remove());

  it("give the host one thing back: a container's termination message, by the time its exit is told", async () => {
    const file = join(kubelet.folder, "containers/web/0a1b2c3d");
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, "");
    const pod = await e2e.cri.runPod();
    const container = await e2e.cri.start(pod, {
      command: ["sh", "-c", "echo -n out of luck > /dev/termination-log; exit 3"],
      more: { mounts: [{ container_path: "/dev/termination-log", host_path: file }] },
    });
    assert.equal((await e2e.cri.exited(container)).exitCode, 3);
    assert.equal(readFileSync(file, "utf8"), "out of luck");
  });

  it("nothing is left", async () => {
    await e2e.cri.cleanUp();
    await assertNothingLeft(e2e);
  });
});
