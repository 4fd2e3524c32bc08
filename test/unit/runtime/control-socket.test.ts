import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { ConnectionLost, RemoteError } from "../../../src/lib/errors.ts";
import { ServedPod } from "./served-pod.ts";

describe("the control service of a pod that ends", () => {
  it("answers Stop once all is over, although its socket is closed on the way", async () => {
    await using served = await ServedPod.start();
    await served.client.call("Stop", { pod_id: "pod1" });
    assert.ok(served.world.pod.lifecycle.is("stopped"));
    assert.ok(!existsSync(served.path));
  });

  it("hangs up on those who only listen", async () => {
    await using served = await ServedPod.start();
    const listening = (async () => {
      for await (const _ of served.client.stream("Events", { pod_id: "pod1", follow: true }));
    })();
    await served.client.call("Stop", { pod_id: "pod1" });
    await assert.rejects(listening, ConnectionLost);
    assert.ok(served.world.pod.lifecycle.is("stopped"));
  });
});

describe("the control service, asked for what it has not", () => {
  const refused = async (work: AsyncIterable<unknown>): Promise<string> => {
    try {
      for await (const _ of work);
    } catch (error) {
      assert.ok(error instanceof RemoteError, String(error));
      return error.message;
    }
    return "answered";
  };

  it("ends the call of an exec in another pod with the reason", async () => {
    await using served = await ServedPod.start();
    const call = served.client.converse("Exec");
    call.write({ start: { pod_id: "other", container_id: "pod1", args: ["true"] } });
    assert.match(await refused(call), /pod "other" not found/);
  });

  it("ends the call of an exec that the guest cannot start with the guest's words", async () => {
    await using served = await ServedPod.start();
    served.world.guest.execProcess = () => Promise.reject(new Error("exec: no/such: not found"));
    const call = served.client.converse("Exec");
    call.write({ start: { pod_id: "pod1", container_id: "pod1", args: ["no/such"] } });
    assert.match(await refused(call), /no\/such: not found/);
  });

  for (const name of ["Console", "Events"] as const) {
    it(`ends the call of ${name} of another pod with the reason`, async () => {
      await using served = await ServedPod.start();
      assert.match(await refused(served.client.stream(name, { pod_id: "other" })), /pod "?other"? not found/);
    });
  }

  it("ends the call of a listener that does not read, and keeps no more than a megabyte for it", async () => {
    await using served = await ServedPod.start();
    const heard = served.client.stream("Events", { pod_id: "pod1", follow: true })[Symbol.asyncIterator]();
    served.events.push("log", "first");
    await heard.next();
    const text = "x".repeat(64 * 1024);
    for (let index = 0; index < 200; index++) {
      served.events.push("log", "flood", { text });
      if (index % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.match(await refused({ [Symbol.asyncIterator]: () => heard }), /left more than 1048576 bytes unread/);
  });
});
