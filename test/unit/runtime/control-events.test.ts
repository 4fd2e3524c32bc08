import assert from "node:assert/strict";
import { connect } from "node:net";
import { silentLogger } from "../../../src/lib/logger.ts";
import { EventLog, recordQmpEvents } from "../../../src/runtime/control-events.ts";
import { openQmp } from "../../../src/wire/qmp/client.ts";
import { FakeQemu } from "../../fakes/fake-qemu.ts";

describe("the ring of a pod's happenings", () => {
  it("keeps the latest, oldest first, up to its limit", () => {
    const log = new EventLog(() => 7, 3);
    for (const name of ["a", "b", "c", "d"]) log.push("pod", name);
    assert.deepEqual(
      log.kept.map(({ name, unixMs }) => [name, unixMs]),
      [
        ["b", 7],
        ["c", 7],
        ["d", 7],
      ],
    );
  });

  it("tells listeners until they leave", () => {
    const log = new EventLog(() => 0);
    const heard: string[] = [];
    const leave = log.listen(({ name }) => heard.push(name));
    log.push("qemu", "STOP");
    leave();
    log.push("qemu", "RESUME");
    assert.deepEqual(heard, ["STOP"]);
  });

  it("hears a logger and its children, without debug lines", () => {
    const log = new EventLog(() => 0);
    const logger = log.hearing(silentLogger);
    logger.debug("no");
    logger.child({ area: "x" }).warn("yes", { error: new Error("why") });
    assert.deepEqual(
      log.kept.map(({ area, name, data }) => [area, name, data]),
      [["log", "warn", { message: "yes", error: "why" }]],
    );
  });

  it("keeps QEMU's events, but not the content of one that is too long to be QEMU's own", async () => {
    await using fake = await FakeQemu.listen({
      commands: {
        stop: (_, session) => {
          session.event("STOP", { by: "us" });
          session.event("FLOOD", { text: "x".repeat(1 << 20) });
          return {};
        },
      },
    });
    const qmp = await openQmp(connect(fake.path));
    const log = new EventLog(() => 0);
    const recorded = recordQmpEvents(qmp, log);
    await qmp.execute("stop", {});
    qmp.close();
    await recorded;
    assert.deepEqual(
      log.kept.map(({ area, name, data }) => [area, name, data]),
      [
        ["qemu", "STOP", { by: "us" }],
        ["qemu", "FLOOD", { leftOutChars: (1 << 20) + 11 }],
      ],
    );
  });
});
