import assert from "node:assert/strict";
import { parseOptions } from "../../../src/guest/options.ts";
import { InvalidConfig } from "../../../src/lib/errors.ts";

describe("the guest agent's options", () => {
  it("are vsock port 1024, three seconds for a disk and a power-off at the end when nothing is said", () => {
    const { listen, logLevel, hotplugLimitMs, cgroupManager, afterDestroy } = parseOptions([], "quiet root=/dev/vda\n");
    assert.deepEqual(listen, { kind: "vsock", port: 1024 });
    assert.deepEqual([logLevel, hotplugLimitMs, cgroupManager, afterDestroy], ["info", 3000, "cgroupfs", "poweroff"]);
  });

  it("come from the kernel command line", () => {
    const options = parseOptions(
      [],
      "agent.server_addr=vsock://-1:2048 agent.hotplug_timeout=20 agent.log=debug agent.unknown=1",
    );
    assert.deepEqual(
      [options.listen, options.hotplugLimitMs, options.logLevel],
      [{ kind: "vsock", port: 2048 }, 20_000, "debug"],
    );
  });

  it("open exec and port-forward by one whole word of the command line each, and by nothing that only holds it", () => {
    const opened = (line: string) => {
      const { exec, portForward } = parseOptions([], line);
      return [exec, portForward];
    };
    assert.deepEqual(opened("quiet agent.exec"), [true, false]);
    assert.deepEqual(opened("agent.port_forward quiet"), [false, true]);
    assert.deepEqual(opened("x.agent.exec agent.execs agent.port_forward=1"), [false, false]);
  });

  it("keep the default for a time limit of zero or one that is no number", () => {
    for (const text of ["0", "soon", ""])
      assert.equal(parseOptions([], `agent.hotplug_timeout=${text}`).hotplugLimitMs, 3000);
  });

  it("let an argument win over the command line, and take abstract sockets", () => {
    const options = parseOptions(["--listen", "unix://@agent"], "agent.server_addr=vsock://-1:1024");
    assert.deepEqual(options.listen, { kind: "unix", path: "\0agent" });
  });

  for (const argv of [["--listen", "tcp://127.0.0.1:1"], ["--what", "x"], ["--listen"]]) {
    it(`refuse ${argv.join(" ")}`, () => {
      assert.throws(() => parseOptions(argv, ""), InvalidConfig);
    });
  }
});
