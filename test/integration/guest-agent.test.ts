// Promises of the guest agent's container half, asked over its real protocol with real crun.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { pause } from "../../src/lib/deadline.ts";
import { RemoteError } from "../../src/lib/errors.ts";
import { StatusCode } from "../../src/wire/ttrpc/status.ts";
import { AgentUnderTest, LINK_MAC, needTools } from "./guest-agent-harness.ts";

const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const SHARE = "/run/kata-containers/shared/containers";

async function refusal(call: Promise<unknown>): Promise<{ code: number; text: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RemoteError) return { code: error.status, text: error.remoteMessage };
    throw error;
  }
  return assert.fail("the call succeeded");
}

describe("the guest agent", function () {
  this.timeout(60_000);
  let t: AgentUnderTest;

  before(async function () {
    needTools(this);
    t = await AgentUnderTest.start();
    await t.agent.CreateSandbox({
      hostname: "pod-host",
      sandbox_id: "sandbox-1",
      dns: ["nameserver 192.0.2.53"],
      storages: [
        {
          driver: "ephemeral",
          source: "shm",
          fstype: "tmpfs",
          options: ["noexec", "nosuid", "nodev", "mode=1777", "size=67108864"],
          mount_point: "/run/kata-containers/sandbox/shm",
        },
      ],
    });
  });

  after(async () => {
    if (t !== undefined) await t[Symbol.asyncDispose]();
  });

  const finish = async (id: string) => {
    const { status } = await t.agent.WaitProcess({ container_id: id });
    await t.agent.RemoveContainer({ container_id: id });
    return status;
  };

  describe("exit codes", () => {
    for (const [code, script] of [
      [0, "exit 0"],
      [7, "exit 7"],
      [255, "exit 255"],
    ] as const) {
      it(`reports ${code} for a process that exits with it`, async () => {
        await t.run(`exit-${code}`, ["sh", "-c", script]);
        assert.equal(await finish(`exit-${code}`), code);
      });
    }

    it("reports 137 for a process killed by SIGKILL", async () => {
      await t.run("killed", ["sleep", "1000"]);
      await t.agent.SignalProcess({ container_id: "killed", signal: 9 });
      assert.equal(await finish("killed"), 137);
    });

    it("ends a first process that ignores SIGTERM by default", async () => {
      await t.run("term", ["sleep", "1000"]);
      await t.agent.SignalProcess({ container_id: "term", signal: 15 });
      assert.equal(await finish("term"), 137);
    });

    it("delivers SIGTERM to a first process that handles it", async () => {
      await t.run("trap", ["sh", "-c", "trap 'exit 43' TERM; echo ready; while :; do sleep 0.05; done"]);
      await t.agent.ReadStdout({ container_id: "trap", len: 100 });
      await t.agent.SignalProcess({ container_id: "trap", signal: 15 });
      assert.equal(await finish("trap"), 43);
    });

    it("gives parallel waiters the same code", async () => {
      await t.run("waiters", ["sh", "-c", "read x; exit 9"]);
      const waits = [1, 2].map(() => t.agent.WaitProcess({ container_id: "waiters" }));
      await t.agent.CloseStdin({ container_id: "waiters" });
      assert.deepEqual(await Promise.all(waits), [{ status: 9 }, { status: 9 }]);
      await t.agent.RemoveContainer({ container_id: "waiters" });
    });
  });

  describe("creating", () => {
    it("does not run the process before it is started", async () => {
      await t.run("held", ["sh", "-c", "echo now"], { start: false });
      const early = t.agent.ReadStdout({ container_id: "held", len: 100 }, { timeoutMs: 300 });
      await assert.rejects(early);
      await t.agent.StartContainer({ container_id: "held" });
      assert.equal((await t.output("held")).toString(), "now\n");
      assert.equal(await finish("held"), 0);
    });

    for (const command of ["no-such-command", "/bin/no-such-command"]) {
      it(`fails for the missing command ${command}, naming it, and leaves nothing behind`, async () => {
        const { code, text } = await refusal(t.run("missing", [command], { start: false }));
        assert.equal(code, StatusCode.internal);
        assert.match(text, new RegExp(`${command}.*no such file`));
        await t.run("missing", ["true"]);
        assert.equal(await finish("missing"), 0);
      });
    }

    it("refuses an id in use and keeps the first container running", async () => {
      await t.run("twice", ["sleep", "1000"]);
      const { code, text } = await refusal(t.run("twice", ["true"]));
      assert.deepEqual([code, /exec fifo exists/.test(text)], [StatusCode.internal, true]);
      assert.equal((await t.exec("twice", "still", ["echo", "here"])).output, "here\n");
      await t.agent.SignalProcess({ container_id: "twice", signal: 9 });
      assert.equal(await finish("twice"), 137);
    });
  });

  describe("streams", () => {
    it("keeps stdout and stderr apart and ends both", async () => {
      await t.run("both", ["sh", "-c", "echo out; echo err >&2"]);
      assert.equal((await t.output("both", "stdout")).toString(), "out\n");
      assert.equal((await t.output("both", "stderr")).toString(), "err\n");
      assert.equal(await finish("both"), 0);
    });

    it("loses nothing of 20 MB that the host begins to read late", async () => {
      await t.run("bulk", ["sh", "-c", "i=0; while [ $i -lt 20 ]; do head -c 1000000 /dev/zero; i=$((i+1)); done"]);
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal((await t.output("bulk")).length, 20_000_000);
      assert.equal(await finish("bulk"), 0);
    });

    it("still hands out the output of a process whose exit was told first", async () => {
      await t.run("late", ["sh", "-c", "echo tail"]);
      assert.deepEqual(await t.agent.WaitProcess({ container_id: "late" }), { status: 0 });
      assert.equal((await t.output("late")).toString(), "tail\n");
      await t.agent.RemoveContainer({ container_id: "late" });
    });

    it("blocks a process that writes more than anyone reads", async () => {
      await t.run("blocked", ["sh", "-c", "head -c 3000000 /dev/zero; echo done >&2"]);
      const { data } = await t.agent.ReadStdout({ container_id: "blocked", len: 10 });
      assert.ok(data.length <= 10);
      await assert.rejects(t.agent.ReadStderr({ container_id: "blocked", len: 100 }, { timeoutMs: 400 }));
      await t.output("blocked");
      assert.equal((await t.output("blocked", "stderr")).toString(), "done\n");
      assert.equal(await finish("blocked"), 0);
    });

    it("carries stdin byte for byte and closes it", async () => {
      await t.run("stdin", ["cat"]);
      const sent = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) & 0xff));
      const received = t.output("stdin");
      for (let at = 0; at < sent.length; at += 100_000) {
        const { len } = await t.agent.WriteStdin({ container_id: "stdin", data: sent.subarray(at, at + 100_000) });
        assert.equal(len, 100_000);
      }
      await t.agent.CloseStdin({ container_id: "stdin" });
      assert.equal(digest(await received), digest(sent));
      assert.equal(await finish("stdin"), 0);
    });

    it("takes an empty write for end of input", async () => {
      await t.run("eof", ["cat"]);
      await t.agent.WriteStdin({ container_id: "eof", data: new Uint8Array(0) });
      assert.equal(await finish("eof"), 0);
    });

    it("ends an exec's output although a grandchild keeps it open", async () => {
      await t.run("orphan", ["sleep", "1000"]);
      const { output, status } = await t.exec("orphan", "leaver", ["sh", "-c", "sleep 1000 & echo gone"]);
      assert.deepEqual({ output, status }, { output: "gone\n", status: 0 });
      await t.agent.SignalProcess({ container_id: "orphan", signal: 9 });
      assert.equal(await finish("orphan"), 137);
    });
  });

  describe("a terminal", () => {
    it("is one, has the size it is given, and echoes", async () => {
      await t.run("tty", ["sh", "-c", "tty; stty size; read line; stty size; echo got $line"], {
        process: { Terminal: true, ConsoleSize: { Height: 24, Width: 80 } },
      });
      let first = "";
      while (!first.includes("80\r\n")) {
        first += Buffer.from((await t.agent.ReadStdout({ container_id: "tty", len: 100 })).data).toString();
      }
      assert.match(first, /^\/dev\/(console|pts\/0)\r\n24 80\r\n$/);
      await t.agent.TtyWinResize({ container_id: "tty", row: 40, column: 132 });
      await t.agent.WriteStdin({ container_id: "tty", data: Buffer.from("hi\n") });
      assert.equal((await t.output("tty")).toString(), "hi\r\n40 132\r\ngot hi\r\n");
      assert.equal(await finish("tty"), 0);
    });

    it("loses nothing at exit", async () => {
      await t.run("tty-bulk", ["sh", "-c", "stty -opost; head -c 500000 /dev/zero; echo end"], {
        process: { Terminal: true },
      });
      assert.equal((await t.output("tty-bulk")).length, 500_004);
      assert.equal(await finish("tty-bulk"), 0);
    });

    it("is refused a size where there is none", async () => {
      await t.run("no-tty", ["sleep", "1000"]);
      const resize = t.agent.TtyWinResize({ container_id: "no-tty", row: 1, column: 1 });
      assert.deepEqual(await refusal(resize), { code: StatusCode.unavailable, text: "no tty" });
      await t.agent.SignalProcess({ container_id: "no-tty", signal: 9 });
      await finish("no-tty");
    });
  });

  describe("exec", () => {
    before(() => t.run("host", ["sleep", "1000"]));
    after(async () => {
      await t.agent.SignalProcess({ container_id: "host", signal: 9 });
      await finish("host");
    });

    it("runs in the container's namespaces and reports its own exit code", async () => {
      assert.deepEqual(await t.exec("host", "code", ["sh", "-c", "readlink /proc/1/exe; exit 5"]), {
        output: "/bin/busybox\n",
        status: 5,
      });
    });

    it("reports 143 for an exec ended by SIGTERM", async () => {
      await t.agent.ExecProcess({
        container_id: "host",
        exec_id: "termed",
        process: { Args: ["sleep", "1000"], Env: ["PATH=/bin"] },
      });
      await t.agent.SignalProcess({ container_id: "host", exec_id: "termed", signal: 15 });
      assert.deepEqual(await t.agent.WaitProcess({ container_id: "host", exec_id: "termed" }), { status: 143 });
    });

    it("with a terminal gives it back its output and size", async () => {
      const process = { Args: ["sh", "-c", "read x; stty size"], Env: ["PATH=/bin"], Terminal: true };
      await t.agent.ExecProcess({ container_id: "host", exec_id: "shell", process });
      await t.agent.TtyWinResize({ container_id: "host", exec_id: "shell", row: 11, column: 22 });
      await t.agent.WriteStdin({ container_id: "host", exec_id: "shell", data: Buffer.from("\n") });
      assert.match((await t.output("host", "stdout", "shell")).toString(), /11 22\r\n$/);
      assert.deepEqual(await t.agent.WaitProcess({ container_id: "host", exec_id: "shell" }), { status: 0 });
    });

    it("ends when the host gave up waiting for its start, and is forgotten", async () => {
      const late = { container_id: "host", exec_id: "late" };
      const process = { Args: ["sleep", "4321"], Env: ["PATH=/bin"] };
      await assert.rejects(t.agent.ExecProcess({ ...late, process }, { timeoutMs: 1 }));
      // the agent heard of the first one before: its id is free again once that is over
      const again = { ...late, process: { Args: ["true"], Env: ["PATH=/bin"] } };
      const isTaken = async () => {
        const refused = await t.agent.ExecProcess(again).then(() => undefined, String);
        if (refused !== undefined) assert.match(refused, /exec id late already exists/);
        return refused !== undefined;
      };
      for (const end = Date.now() + 10_000; await isTaken(); await pause(20)) assert.ok(Date.now() < end);
      assert.deepEqual(await t.agent.WaitProcess(late), { status: 0 });
      const runs = async () => (await t.exec("host", "look", ["ps"])).output.includes("sleep 4321");
      for (const end = Date.now() + 10_000; await runs(); await pause(20)) assert.ok(Date.now() < end);
    });

    it("is one process for an id, also while it is being made", async () => {
      const asked = ["one", "other"].map((word) =>
        t.agent.ExecProcess({
          container_id: "host",
          exec_id: "twice",
          process: { Args: ["echo", word], Env: ["PATH=/bin"] },
        }),
      );
      const [one, other] = await Promise.allSettled(asked);
      assert.equal(one?.status, "fulfilled");
      assert.match(String(other?.status === "rejected" && other.reason), /exec id twice already exists/);
      assert.equal((await t.output("host", "stdout", "twice")).toString(), "one\n");
      assert.deepEqual(await t.agent.WaitProcess({ container_id: "host", exec_id: "twice" }), { status: 0 });
    });

    it("names a missing command", async () => {
      const { text } = await refusal(t.exec("host", "absent", ["no-such-command"]));
      assert.match(text, /no-such-command.*no such file/);
    });
  });

  describe("containers of one sandbox", () => {
    it("share ipc and uts namespaces, the hostname and nothing of their processes", async () => {
      await t.run("left", ["sleep", "1000"]);
      await t.run("right", ["sleep", "1000"]);
      const look = (type: string) => `readlink /proc/self/ns/${type}`;
      const script = [look("ipc"), look("uts"), "hostname", look("pid")].join("; ");
      const left = (await t.exec("left", "look", ["sh", "-c", script])).output.trim().split("\n");
      const right = (await t.exec("right", "look", ["sh", "-c", script])).output.trim().split("\n");
      assert.deepEqual(left.slice(0, 3), right.slice(0, 3));
      assert.equal(left[2], "pod-host");
      assert.notEqual(left[3], right[3]);
      for (const id of ["left", "right"]) {
        await t.agent.SignalProcess({ container_id: id, signal: 9 });
        await finish(id);
      }
    });
  });

  describe("a shared pid namespace", () => {
    it("is that of the sandbox's first container, for those that ask for it", async () => {
      // the first container of this whole file is long gone: joining its namespace must fail, not hit another's
      const { code } = await refusal(t.run("joiner", ["true"], { sandboxPidns: true }));
      assert.equal(code, StatusCode.internal);
    });
  });

  describe("the network", () => {
    const addresses = [
      { family: 0, address: "192.0.2.10", mask: "24" },
      { family: 1, address: "2001:db8::10", mask: "64" },
    ];

    it("finds the link by its address, renames it and gives it what the host says", async () => {
      const wanted = {
        name: "eth0",
        device: "eth0",
        hwAddr: LINK_MAC,
        mtu: 1450,
        IPAddresses: addresses,
        type: "veth",
      };
      const echo = await t.agent.UpdateInterface({ interface: wanted });
      assert.equal(echo.name, "eth0");
      const { Interfaces } = await t.agent.ListInterfaces({});
      const link = Interfaces.find((candidate) => candidate.name === "eth0");
      assert.deepEqual([link?.hwAddr, link?.mtu], [LINK_MAC, 1450n]);
      for (const address of addresses) {
        assert.ok(link?.IPAddresses.some((found) => found.address === address.address && found.mask === address.mask));
      }
    });

    it("replaces addresses when it is told again", async () => {
      const again = [{ family: 0, address: "192.0.2.11", mask: "24" }];
      await t.agent.UpdateInterface({ interface: { name: "eth0", hwAddr: LINK_MAC, mtu: 1450, IPAddresses: again } });
      const { Interfaces } = await t.agent.ListInterfaces({});
      const kept = Interfaces.find((link) => link.name === "eth0")?.IPAddresses.filter((ip) => ip.family === 0);
      assert.deepEqual(kept, again);
    });

    it("takes a gateway route that is listed before the route to its gateway", async () => {
      const routes = [
        { dest: "", gateway: "198.51.100.1", device: "eth0" },
        { dest: "198.51.100.1/32", gateway: "", device: "eth0", scope: 253 },
      ];
      const { Routes } = await t.agent.UpdateRoutes({ routes: { Routes: routes } });
      const found = Routes.map(({ dest, gateway, device }) => [dest, gateway, device].join(" "));
      assert.ok(found.includes(" 198.51.100.1 eth0"), found.join("; "));
      assert.ok(found.includes("198.51.100.1/32  eth0"), found.join("; "));
    });

    it("keeps a neighbour for good", async () => {
      await t.run("neighbours", ["sh", "-c", "cat /proc/net/arp"], { start: false });
      const toIPAddress = { family: 0, address: "192.0.2.1", mask: "" };
      const neighbor = { toIPAddress, device: "eth0", lladdr: "02:00:00:00:00:02", state: 128 };
      await t.agent.AddARPNeighbors({ neighbors: { ARPNeighbors: [neighbor] } });
      await t.agent.StartContainer({ container_id: "neighbours" });
      assert.match((await t.output("neighbours")).toString(), /192\.0\.2\.1 +0x1 +0x6 +02:00:00:00:00:02/);
      await finish("neighbours");
    });

    it("says so when there is no such link", async () => {
      const { code, text } = await refusal(
        t.agent.UpdateInterface({ interface: { name: "eth7", hwAddr: "02:00:00:00:00:77" } }),
      );
      assert.deepEqual([code, /Link not found/.test(text)], [StatusCode.internal, true]);
    });
  });

  describe("CopyFile", () => {
    const copy = (path: string, more: object = {}) =>
      t.agent.CopyFile({
        path,
        file_mode: S_IFREG | 0o640,
        dir_mode: S_IFDIR | 0o750,
        file_size: 5,
        data: Buffer.from("hello"),
        ...more,
      });

    it("puts a file together from chunks, with mode and owner", async () => {
      const path = `${SHARE}/c-0123456789abcdef-config/key`;
      const half = { file_size: 10, uid: 1000, gid: 1001 };
      await copy(path, { ...half, offset: 0, data: Buffer.from("01234") });
      await copy(path, { ...half, offset: 5, data: Buffer.from("56789") });
      const mounts = [
        {
          destination: "/config",
          type: "bind",
          source: `${SHARE}/c-0123456789abcdef-config`,
          options: ["rbind", "ro"],
        },
      ];
      const request = t.request("copied", ["sh", "-c", "cat /config/key; stat -c ' %a %u:%g' /config/key"]);
      const spec = request.OCI;
      await t.agent.CreateContainer({ ...request, OCI: { ...spec, Mounts: [...(spec?.Mounts ?? []), ...mounts] } });
      await t.agent.StartContainer({ container_id: "copied" });
      assert.equal((await t.output("copied")).toString(), "0123456789 640 1000:1001\n");
      assert.equal(await finish("copied"), 0);
    });

    for (const path of [
      "/etc/shadow",
      "/run/kata-containers/other",
      `${SHARE}/../escape`,
      `${SHARE}`,
      `${SHARE}/a/../../b`,
    ]) {
      it(`refuses ${path}`, async () => {
        const { code, text } = await refusal(copy(path));
        assert.equal(code, StatusCode.internal);
        assert.match(text, /prefix/);
      });
    }

    it("does not follow a link that was sent before", async () => {
      const link = { file_mode: S_IFLNK | 0o777, file_size: 0, data: Buffer.from("/etc") };
      await copy(`${SHARE}/trap`, link);
      const { code } = await refusal(copy(`${SHARE}/trap/escaped`));
      assert.equal(code, StatusCode.internal);
      // the link itself may be replaced, as atomic volume updates do
      await copy(`${SHARE}/trap`, { ...link, data: Buffer.from("elsewhere") });
    });
  });

  describe("storages", () => {
    const create = (id: string, storage: object) => {
      const request = t.request(id, ["true"]);
      return t.agent.CreateContainer({ ...request, storages: [...(request.storages ?? []), storage] });
    };

    it("names a driver it does not have, and undoes what it had mounted", async () => {
      const { code, text } = await refusal(
        create("bad-driver", { driver: "9p", mount_point: "/run/kata-containers/x" }),
      );
      assert.deepEqual([code, text], [StatusCode.internal, "Failed to find the storage handler 9p"]);
      await t.run("bad-driver", ["true"]);
      assert.equal(await finish("bad-driver"), 0);
    });

    it("waits for a disk only as long as it may", async () => {
      const disk = {
        driver: "scsi",
        source: "5:3",
        fstype: "ext4",
        mount_point: "/run/kata-containers/sandbox/storage/x",
      };
      assert.match((await refusal(create("no-disk", disk))).text, /scsi disk 5:3 to appear.*3000 ms/);
    });

    for (const mountPoint of ["/etc", "/run/kata-containers/../x", "/run/kata-containers"]) {
      it(`refuses to mount at ${mountPoint}`, async () => {
        const { text } = await refusal(
          create("outside", { driver: "local", fstype: "local", mount_point: mountPoint }),
        );
        assert.match(text, /not below/);
      });
    }

    it("leaves no mount and no directory of a container that was removed", async () => {
      await t.run("tidy", ["true"]);
      await finish("tidy");
      await t.run("watcher", ["sleep", "1000"]);
      const mounts = await t.exec("watcher", "look", ["sh", "-c", "cat /proc/self/mountinfo"]);
      assert.doesNotMatch(mounts.output, /tidy/);
      assert.equal(
        t.lookAgent("ls -d /run/kata-containers/tidy /run/kata-agent/tidy; grep -c tidy /proc/self/mountinfo").trim(),
        "0",
      );
      await t.agent.SignalProcess({ container_id: "watcher", signal: 9 });
      await finish("watcher");
    });

    it("gives the pod's shared memory the size that the host asks for", async () => {
      const shm = {
        destination: "/dev/shm",
        type: "bind",
        source: "/run/kata-containers/sandbox/shm",
        options: ["rbind"],
      };
      const request = t.request("shm", ["sh", "-c", "mount | grep /dev/shm"]);
      await t.agent.CreateContainer({
        ...request,
        OCI: { ...request.OCI, Mounts: [...(request.OCI?.Mounts ?? []), shm] },
      });
      await t.agent.StartContainer({ container_id: "shm" });
      assert.match((await t.output("shm")).toString(), /size=65536k/);
      assert.equal(await finish("shm"), 0);
    });

    it("shares a mount point between containers until the last is gone", async () => {
      const volume = {
        driver: "ephemeral",
        source: "tmpfs",
        fstype: "tmpfs",
        mount_point: "/run/kata-containers/sandbox/ephemeral/v",
      };
      const mount = { destination: "/v", type: "bind", source: volume.mount_point, options: ["rbind"] };
      const start = async (id: string, script: string) => {
        const request = t.request(id, ["sh", "-c", script]);
        const { OCI: spec, storages } = request;
        await t.agent.CreateContainer({
          ...request,
          storages: [...(storages ?? []), volume],
          OCI: { ...spec, Mounts: [...(spec?.Mounts ?? []), mount] },
        });
        await t.agent.StartContainer({ container_id: id });
      };
      await start("writer", "echo shared > /v/file; sleep 1000");
      await start("reader", "while ! cat /v/file 2>/dev/null; do sleep 0.05; done; read x; cat /v/file");
      const output = t.output("reader");
      await t.agent.SignalProcess({ container_id: "writer", signal: 9 });
      await finish("writer");
      await t.agent.CloseStdin({ container_id: "reader" });
      assert.equal((await output).toString(), "shared\nshared\n");
      assert.equal(await finish("reader"), 0);
    });
  });

  describe("errors", () => {
    const unknown = { container_id: "nobody" };
    const table: [string, () => Promise<unknown>, number, RegExp][] = [
      [
        "StartContainer of an unknown container",
        () => t.agent.StartContainer(unknown),
        StatusCode.internal,
        /Invalid container id/,
      ],
      [
        "RemoveContainer of an unknown container",
        () => t.agent.RemoveContainer(unknown),
        StatusCode.internal,
        /Invalid container id/,
      ],
      [
        "ExecProcess in an unknown container",
        () => t.agent.ExecProcess({ ...unknown, exec_id: "ee" }),
        StatusCode.internal,
        /Invalid container id/,
      ],
      [
        "WaitProcess in an unknown container",
        () => t.agent.WaitProcess(unknown),
        StatusCode.invalidArgument,
        /InvalidContainerId/,
      ],
      [
        "ReadStdout in an unknown container",
        () => t.agent.ReadStdout(unknown),
        StatusCode.invalidArgument,
        /InvalidContainerId/,
      ],
      [
        "CloseStdin in an unknown container",
        () => t.agent.CloseStdin(unknown),
        StatusCode.invalidArgument,
        /InvalidContainerId/,
      ],
      [
        "SignalProcess to one of an unknown container",
        () => t.agent.SignalProcess({ ...unknown, signal: 15 }),
        StatusCode.invalidArgument,
        /InvalidContainerId/,
      ],
      [
        "SignalProcess to all of an unknown container",
        () => t.agent.SignalProcess({ ...unknown, signal: 9 }),
        StatusCode.internal,
        /Invalid container id/,
      ],
      [
        "StatsContainer of an unknown container",
        () => t.agent.StatsContainer(unknown),
        StatusCode.invalidArgument,
        /invalid container id/,
      ],
      [
        "WriteStdin in an unknown container",
        () => t.agent.WriteStdin({ ...unknown, data: Buffer.from("x") }),
        StatusCode.internal,
        /./,
      ],
      ["UpdateInterface without one", () => t.agent.UpdateInterface({}), StatusCode.invalidArgument, /empty/],
      ["UpdateRoutes without any", () => t.agent.UpdateRoutes({}), StatusCode.invalidArgument, /empty/],
      [
        "CreateContainer without a spec",
        () => t.agent.CreateContainer({ container_id: "bare" }),
        StatusCode.internal,
        /EINVAL/,
      ],
      [
        "CreateContainer with a path for an id",
        () => t.agent.CreateContainer({ container_id: "../x" }),
        StatusCode.internal,
        /invalid container ID/,
      ],
      [
        "GetDiagnosticData of another type",
        () => t.agent.GetDiagnosticData({ ...unknown, log_type: "x" }),
        StatusCode.invalidArgument,
        /log type/,
      ],
      ["SetPolicy", () => t.agent.SetPolicy({ policy: "package x" }), StatusCode.unimplemented, /policy/],
      ["ResizeVolume", () => t.agent.ResizeVolume({}), StatusCode.unimplemented, /./],
      ["ReseedRandomDev with nothing", () => t.agent.ReseedRandomDev({}), StatusCode.internal, /missing entropy data/],
      ["a second CreateSandbox", () => t.agent.CreateSandbox({}), StatusCode.internal, /exists/],
    ];
    for (const [what, call, code, text] of table) {
      it(`answers ${what} with ${code}`, async () => {
        const answer = await refusal(call());
        assert.equal(answer.code, code);
        assert.match(answer.text, text);
      });
    }

    it("answers a wait, a signal and an exec id that are too late with NOT_FOUND", async () => {
      await t.run("gone", ["true"]);
      await t.agent.WaitProcess({ container_id: "gone" });
      const late = await refusal(t.agent.WaitProcess({ container_id: "gone" }));
      assert.deepEqual([late.code, /InitProcessNotFound/.test(late.text)], [StatusCode.notFound, true]);
      assert.equal(
        (await refusal(t.agent.SignalProcess({ container_id: "gone", signal: 9 }))).code,
        StatusCode.notFound,
      );
      const exec = await refusal(t.agent.WaitProcess({ container_id: "gone", exec_id: "never" }));
      assert.deepEqual([exec.code, /InvalidExecId/.test(exec.text)], [StatusCode.notFound, true]);
      await t.agent.RemoveContainer({ container_id: "gone" });
    });

    it("stays alive through all of this", async () => {
      assert.deepEqual(await t.health.Check({ service: "anything" }), { status: 1 });
    });
  });
});

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
