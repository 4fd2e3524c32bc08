// A pod with a user namespace, and recursive read-only mounts, as the guest's agent makes them with real crun.
import assert from "node:assert/strict";
import { RemoteError } from "../../src/lib/errors.ts";
import type { Spec } from "../../src/wire/gen/kata/oci.ts";
import type { Init } from "../../src/wire/message.ts";
import { AgentUnderTest, type ContainerWishes, needTools } from "./guest-agent-harness.ts";

const VOLUME = "/run/kata-containers/shared/containers/volume";
const ids = [{ ContainerID: 0, HostID: 200_000, Size: 65_536 }];

type Mounts = NonNullable<Init<Spec>["Mounts"]>;

const systemMounts: Mounts = [
  { destination: "/proc", type: "proc", source: "proc" },
  { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
  { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
  { destination: "/sys/fs/cgroup", type: "tmpfs", source: "tmpfs", options: ["ro"] },
];

function mapped(more: { mounts?: Mounts; ids?: typeof ids; sysctl?: Record<string, string> } = {}): Init<Spec> {
  return {
    Mounts: [...systemMounts, ...(more.mounts ?? [])],
    Linux: {
      Namespaces: ["ipc", "uts", "mount", "user"].map((Type) => ({ Type, Path: "" })),
      UIDMappings: more.ids ?? ids,
      GIDMappings: more.ids ?? ids,
      Sysctl: more.sysctl ?? {},
    },
  };
}

describe("a pod with a user namespace", function () {
  this.timeout(60_000);
  let t: AgentUnderTest;
  /** what `script` says in a container made for it */
  const say = async (id: string, script: string, more: ContainerWishes): Promise<string[]> => {
    await t.run(id, ["sh", "-c", `exec 2>&1; ${script}`], more);
    const output = (await t.output(id)).toString();
    await t.agent.WaitProcess({ container_id: id });
    await t.agent.RemoveContainer({ container_id: id });
    return output.trim().split("\n");
  };

  before(async function () {
    needTools(this);
    t = await AgentUnderTest.start({ layerOptions: ["X-kata.idmap"] });
    await t.agent.CreateSandbox({ hostname: "mapped-pod", sandbox_id: "sandbox-1" });
    await t.run("pause", ["sleep", "1000"], { spec: mapped() });
    const nested = `${VOLUME}/nested`;
    t.lookAgent(`mkdir -p ${nested}; mount -t tmpfs -o mode=777 inner ${nested}; touch ${VOLUME}/of-root`);
  });

  after(async () => {
    if (t !== undefined) await t[Symbol.asyncDispose]();
  });

  it("maps the ids as asked, and its root owns the files of the image", async () => {
    const script = "cat /proc/self/uid_map /proc/self/gid_map; id -u; stat -c %u:%g / /bin/busybox; echo x > /made";
    const lines = await say("owner", `${script}; stat -c %u:%g /made`, { spec: mapped() });
    assert.deepEqual(
      lines.map((line) => line.trim().replace(/\s+/g, " ")),
      ["0 200000 65536", "0 200000 65536", "0", "0:0", "0:0", "0:0"],
    );
  });

  it("gives its root power over the pod's hostname and none over the guest's kernel", async () => {
    const script = "hostname; hostname other; hostname; hostname mapped-pod; echo 1 > /proc/sys/vm/drop_caches";
    const lines = await say("power", script, { spec: mapped() });
    assert.deepEqual(lines.slice(0, 2), ["mapped-pod", "other"]);
    assert.match(lines[2] ?? "", /Permission denied/);
  });

  it("keeps its mounts to itself, below what it shares with the guest, too", async () => {
    const mounts = [
      { destination: "/tmp", source: VOLUME, type: "bind", options: ["rbind", "idmap"] },
      { destination: "/tmp/below", source: "tmpfs", type: "tmpfs" },
    ];
    await t.run("mounting", ["sleep", "1000"], { spec: mapped({ mounts }) });
    const guest = t.lookAgent("cat /proc/self/mountinfo").split("\n");
    assert.deepEqual(
      guest.filter((line) => line.includes(`${VOLUME}/below`)),
      [],
    );
    assert.equal(guest.filter((line) => line.includes(" /sys/fs/cgroup ")).length, 1);
    await t.agent.SignalProcess({ container_id: "mounting", signal: 9 });
    await t.agent.WaitProcess({ container_id: "mounting" });
    await t.agent.RemoveContainer({ container_id: "mounting" });
  });

  it("may bind low ports and send echo requests in the guest's network, which is not its own", async () => {
    const script = "cd /proc/sys/net/ipv4; cat ip_unprivileged_port_start ping_group_range";
    const lines = await say("network", script, { spec: mapped() });
    assert.deepEqual(lines, ["0", "0\t65535"]);
  });

  it("shares user, ipc, uts and, if asked, pid namespaces among its containers", async () => {
    const look = ["user", "ipc", "uts", "pid"].map((type) => `readlink /proc/self/ns/${type}`).join("; ");
    const first = (await t.exec("pause", "look", ["sh", "-c", look])).output.trim().split("\n");
    const second = await say("second", look, { spec: mapped(), sandboxPidns: true });
    assert.deepEqual(second, first);
    assert.notEqual(first[0], t.lookAgent("readlink /proc/self/ns/user").trim());
  });

  it("sees a volume that is mapped with it as its own, and another as nobody's", async () => {
    const bind = (destination: string, more: string[]) => ({
      destination,
      source: VOLUME,
      type: "bind",
      options: ["rbind", ...more],
    });
    const mounts = [bind("/tmp", ["idmap"]), bind("/etc", [])];
    const lines = await say("volumes", "touch /tmp/made; stat -c %u /tmp/of-root /tmp/made /etc/of-root", {
      spec: mapped({ mounts }),
    });
    assert.deepEqual(lines, ["0", "0", "65534"]);
    assert.equal(t.lookAgent(`stat -c %u ${VOLUME}/made`).trim(), "0");
  });

  it("has the sysctls of its ipc namespace, as root of that namespace", async () => {
    const lines = await say("sysctl", "cat /proc/sys/kernel/shmmni", {
      spec: mapped({ sysctl: { "kernel.shmmni": "1234" } }),
    });
    assert.deepEqual(lines, ["1234"]);
  });

  it("refuses a container that wants other ids than the pod has", async () => {
    const other = [{ ContainerID: 0, HostID: 900_000, Size: 10 }];
    await assert.rejects(t.run("other", ["true"], { spec: mapped({ ids: other }) }), (error: unknown) => {
      assert.ok(error instanceof RemoteError);
      assert.match(error.remoteMessage, /OCI\.Linux\.UIDMappings.*900000.*200000/);
      return true;
    });
  });

  it("cannot write below a volume that is read-only with its submounts", async () => {
    const mounts = [{ destination: "/tmp", source: VOLUME, type: "bind", options: ["rbind", "rro"] }];
    const lines = await say("recursive", "touch /tmp/nested/x", { spec: mapped({ mounts }) });
    assert.match(lines.join("\n"), /Read-only file system/);
  });
});

describe("a pod without a user namespace", function () {
  this.timeout(60_000);
  let t: AgentUnderTest;

  before(async function () {
    needTools(this);
    t = await AgentUnderTest.start();
    await t.agent.CreateSandbox({ hostname: "plain", sandbox_id: "sandbox-1" });
    await t.run("first", ["sleep", "1000"]);
    const nested = `${VOLUME}/nested`;
    t.lookAgent(`mkdir -p ${nested}; mount -t tmpfs -o mode=777 inner ${nested}`);
  });

  after(async () => {
    if (t !== undefined) await t[Symbol.asyncDispose]();
  });

  for (const [option, outcome] of [
    ["ro", /^written$/],
    ["rro", /Read-only file system/],
  ] as const) {
    it(`${option === "ro" ? "may" : "cannot"} write to a mount below a volume that is mounted ${option}`, async () => {
      const mounts = [{ destination: "/tmp", source: VOLUME, type: "bind", options: ["rbind", option] }];
      const script = "exec 2>&1; touch /tmp/nested/x && echo written; touch /tmp/x || echo refused";
      await t.run(`nested-${option}`, ["sh", "-c", script], { spec: { Mounts: mounts } });
      const lines = (await t.output(`nested-${option}`)).toString().trim().split("\n");
      assert.match(lines[0] ?? "", outcome);
      assert.equal(lines.at(-1), "refused");
    });
  }

  it("refuses a user namespace to a later container, and a mapped layer to a container without one", async () => {
    await assert.rejects(t.run("late", ["true"], { spec: mapped() }), /OCI\.Linux\.Namespaces.*no user namespace/);
    t.layerOptions = ["X-kata.idmap"];
    await assert.rejects(t.run("plain", ["true"]), /X-kata\.idmap needs a container with a user namespace/);
  });
});
