import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { isAnyOf, jsonTextOfAny, OciTypeUrl, packAny, packJsonAny, unpackAny } from "../../../src/wire/any.ts";
import { TaskOOM } from "../../../src/wire/gen/containerd/events.ts";
import { StatsContainerResponse } from "../../../src/wire/gen/kata/agent.ts";
import { POSIXRlimit } from "../../../src/wire/gen/kata/oci.ts";
import { messageToJson } from "../../../src/wire/json.ts";
import { dateOf, timestampOf } from "../../../src/wire/timestamp.ts";

describe("an Any", () => {
  it("carries the bare full name, as containerd's event consumers expect", () => {
    const any = packAny(TaskOOM, { container_id: "c1" });
    assert.equal(any.type_url, "containerd.events.TaskOOM");
    assert.equal(Buffer.from(any.value).toString("hex"), "0a026331");
  });

  it("is recognised with and without a prefix, and not by half a name", () => {
    const value = TaskOOM.encode({ container_id: "c1" });
    for (const prefix of ["", "type.googleapis.com/", "/"])
      assert.equal(unpackAny(TaskOOM, { type_url: `${prefix}containerd.events.TaskOOM`, value })?.container_id, "c1");
    for (const type_url of ["xcontainerd.events.TaskOOM", "events.TaskOOM", "containerd.events.TaskExit", ""])
      assert.equal(unpackAny(TaskOOM, { type_url, value }), undefined, type_url);
    assert.equal(isAnyOf(undefined, "containerd.events.TaskOOM"), false);
  });

  it("carries OCI types as JSON text", () => {
    const any = packJsonAny(OciTypeUrl.process, { args: ["sh"], cwd: "/é" });
    assert.equal(jsonTextOfAny(any), '{"args":["sh"],"cwd":"/é"}');
  });
});

describe("a Timestamp", () => {
  it("keeps milliseconds, also before 1970", () => {
    assert.deepEqual(timestampOf(new Date("2024-02-29T12:00:00.250Z")), { seconds: 1709208000n, nanos: 250_000_000 });
    assert.deepEqual(timestampOf(new Date(-1)), { seconds: -1n, nanos: 999_000_000 });
    for (const ms of [0, -1, -1500, 1709208000250]) assert.equal(dateOf(timestampOf(new Date(ms)))?.getTime(), ms);
  });

  it("that is absent or Go's zero time is no date", () => {
    assert.equal(dateOf(undefined), undefined);
    assert.equal(dateOf({ seconds: -62135596800n, nanos: 0 }), undefined);
  });
});

describe("a message as JSON", () => {
  it("has proto field names, base64 bytes and exact integers", () => {
    const rlimit = POSIXRlimit.create({ Type: "RLIMIT_CORE", Hard: 2n ** 64n - 1n, Soft: 5 });
    assert.equal(messageToJson(rlimit), '{"Type":"RLIMIT_CORE","Hard":"18446744073709551615","Soft":5}');
    assert.equal(messageToJson({ value: new Uint8Array([255, 0]) }), '{"value":"/wA="}');
  });

  it("can be encoded again as it stands", () => {
    const message = StatsContainerResponse.create({
      cgroup_stats: {
        memory_stats: { stats: { rss: 2n ** 60n }, usage: { limit: 2n ** 63n } },
        cpu_stats: { cpu_usage: { percpu_usage: [1n, 2n ** 62n] } },
      },
    });
    const again = StatsContainerResponse.encode(JSON.parse(messageToJson(message)));
    assert.deepEqual(StatsContainerResponse.decode(again), message);
  });
});
