import assert from "node:assert/strict";
import { createLogger, Secret, silentLogger } from "../../../src/lib/logger.ts";

const now = () => new Date("2026-01-02T03:04:05.006Z");

function logged(level: "debug" | "info" = "debug") {
  const lines: string[] = [];
  const logger = createLogger({ write: (line) => lines.push(line) }, { level, now, fields: { runtime: "kata-cvm" } });
  return { lines, logger };
}

describe("the logger", () => {
  it("writes lines as containerd's own logger does: time, level, msg, then fields", () => {
    const { lines, logger } = logged();
    logger.child({ pod: "p1" }).warn("request failed", { code: 5 });
    assert.deepEqual(lines, [
      'time="2026-01-02T03:04:05.006Z" level=warning msg="request failed" runtime=kata-cvm pod=p1 code=5',
    ]);
  });

  it("leaves out what is below its level, and fields without a value", () => {
    const { lines, logger } = logged("info");
    logger.debug("hidden");
    logger.info("seen", { nothing: undefined });
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /msg=seen runtime=kata-cvm$/);
  });

  it("keeps every value on its one line, whatever it holds", () => {
    const { lines, logger } = logged();
    logger.error("two\nlines", { error: new Error('a "b"\nc'), list: ["x y"], empty: "" });
    assert.equal(lines[0]?.includes("\n"), false);
    assert.match(lines[0] ?? "", /msg="two\\nlines" .*error="a \\"b\\"\\nc" list="\[\\"x y\\"\]" empty=""$/);
  });

  it("never shows a secret, neither as text nor inside other values", () => {
    const { lines, logger } = logged();
    const secret = new Secret("hunter2");
    logger.info(`key ${secret}`, { secret, nested: { secret } });
    assert.ok(!lines.join().includes("hunter2"));
    assert.equal(secret.reveal(), "hunter2");
  });

  it("has a silent form that takes everything", () => {
    silentLogger.child({ a: 1 }).error("nothing");
  });
});
