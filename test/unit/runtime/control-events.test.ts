import assert from "node:assert/strict";
import { silentLogger } from "../../../src/lib/logger.ts";
import { EventLog } from "../../../src/runtime/control-events.ts";

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
});
