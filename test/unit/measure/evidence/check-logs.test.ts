// What a host on the way can edit in the logs of a guest without touching the registers: types and texts are not
// hashed, so what the verifier reads from them has to follow from digests.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { checkTpmLogs } from "../../../../src/measure/evidence/check-logs.ts";
import { Checks } from "../../../../src/measure/evidence/verdict.ts";
import { extendAll, initialRegister } from "../../../../src/measure/tpm/pcr.ts";
import { buildTcgLog, type TestEvent } from "../../../support/tcg-log.ts";

interface Record {
  readonly pcr: number;
  readonly type: string;
  readonly text: string;
  /** what was hashed, when it is not the text */
  readonly hashed?: string;
}

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();
const first = { pcr: 14, type: "container", text: '{"args":["pause"]}' };
const second = { pcr: 14, type: "container", text: '{"args":["sleep"]}' };
const ready = { pcr: 11, type: "phase", text: "ready" };
const quoted = new Map([
  [11, extendAll("sha256", [sha256(ready.text)])],
  [14, extendAll("sha256", [sha256(first.text), sha256(second.text)])],
]);

describe("the containers that a guest's logs tell of", () => {
  it("are told in their order when every extend of PCR 14 is one", () => {
    assert.deepEqual(check([first, ready, second]), { containers: [first.text, second.text], failed: [], skipped: [] });
  });

  it("are none when the quote proves that PCR 14 was never extended", () => {
    const untouched = new Map([[14, initialRegister("sha256", 14)]]);
    assert.deepEqual(check([], { registers: untouched }).containers, []);
  });

  it("fail when one is called something else, which no digest covers", () => {
    const renamed = check([first, ready, { ...second, type: "note" }]);
    assert.deepEqual(renamed, { containers: undefined, failed: ["tpm.containers"], skipped: [] });
  });

  it("fail when one is moved into the firmware's log", () => {
    const moved = { index: 14, type: 0xd, data: Buffer.from("MokList\0"), hashed: Buffer.from(first.text) };
    assert.deepEqual(check([ready, second], { firmware: [moved] }).failed, ["tpm.containers"]);
  });

  it("fail when the text of one is not what was measured", () => {
    const told = check([first, ready, { ...second, text: "{}", hashed: second.text }]);
    assert.deepEqual([told.failed, told.containers], [["tpm.containers"], undefined]);
  });

  it("are unknown, not none, without a log, without PCR 14 in the quote, and when the logs do not replay", () => {
    assert.equal(check(undefined).containers, undefined);
    const elsewhere = check([first, ready], { registers: new Map([...quoted].slice(0, 1)) });
    assert.deepEqual(elsewhere, { containers: undefined, failed: [], skipped: ["tpm.containers"] });
    const incomplete = check([first, ready]);
    assert.deepEqual([incomplete.failed, incomplete.containers], [["tpm.eventLog.sha256"], undefined]);
  });
});

describe("a boot phase in the userspace log", () => {
  it("fails by name when its word is not what was measured", () => {
    const told = check([first, { ...ready, text: "shutdown", hashed: "ready" }, second]);
    assert.deepEqual(told.failed, ["tpm.userspaceLog.meaning"]);
  });
});

function check(
  records: readonly Record[] | undefined,
  { firmware = [], registers = quoted }: { firmware?: TestEvent[]; registers?: ReadonlyMap<number, Buffer> } = {},
) {
  const checks = new Checks();
  const logs = {
    eventLog: records === undefined ? undefined : buildTcgLog(["sha256"], firmware),
    userspaceLog: Buffer.from((records ?? []).map(render).join("")),
  };
  const containers = checkTpmLogs(checks, logs, new Map([["sha256", registers]]));
  const { checks: made, notChecked } = checks.verdict();
  return {
    containers,
    failed: made.filter(({ ok }) => !ok).map(({ name }) => name),
    skipped: notChecked.map(({ name }) => name).filter((name) => name !== "tpm.eventLog"),
  };
}

function render({ pcr, type, text, hashed = text }: Record): string {
  const digests = [{ hashAlg: "sha256", digest: sha256(hashed).toString("hex") }];
  return `\x1e${JSON.stringify({ pcr, digests, content: { string: text, eventType: type } })}\n`;
}
