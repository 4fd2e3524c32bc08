import assert from "node:assert/strict";
import { Timeline } from "../../../src/lib/timeline.ts";

describe("a timeline", () => {
  it("marks stages by the time since it began, to a tenth of a millisecond", () => {
    let now = 1000;
    const timeline = new Timeline(() => now);
    now = 1002.34;
    timeline.mark("planned");
    assert.equal(timeline.startedAt, 1000);
    assert.deepEqual(
      timeline.marks.map(({ stage, atMs }) => [stage, atMs]),
      [["planned", 2.3]],
    );
  });

  it("puts marks that were made elsewhere in their place", () => {
    let now = 1000;
    const timeline = new Timeline(() => now);
    now = 1500;
    timeline.mark("agent answers");
    timeline.add("kernel began", 1100);
    assert.deepEqual(
      timeline.marks.map(({ stage }) => stage),
      ["kernel began", "agent answers"],
    );
  });

  it("keeps the first 500 marks, the launch's, of a pod that lives long, and tells all", () => {
    const told: string[] = [];
    const timeline = new Timeline(
      () => 0,
      ({ stage }) => told.push(stage),
    );
    for (let index = 0; index < 600; index++) timeline.mark(`${index}`);
    assert.deepEqual([timeline.marks.length, timeline.marks[0]?.stage, told.length], [500, "0", 600]);
  });
});
