import assert from "node:assert/strict";
import { renderStages } from "../../../src/cli/inspect.ts";
import { Timeline } from "../../../src/lib/timeline.ts";

describe("kata-cvm timeline --json", () => {
  it("has each stage's name and its milliseconds since the launch began", () => {
    const clock = [1000, 1012.5, 2000.25];
    const timeline = new Timeline(() => clock.shift() ?? 0);
    timeline.mark("qemu started");
    timeline.mark("agent answers");
    assert.deepEqual(renderStages(timeline.marks), {
      stages: [
        { name: "qemu started", ms: 12.5 },
        { name: "agent answers", ms: 1000.3 },
      ],
    });
  });
});
