import assert from "node:assert/strict";
import { createLogger } from "../../../src/lib/logger.ts";
import { Publisher } from "../../../src/shim/publisher.ts";
import { FakeContainerd } from "../../fakes/fake-containerd.ts";

const retryStepMs = 5;

function publisherFor(fake: FakeContainerd) {
  const lines: string[] = [];
  const logger = createLogger({ write: (line) => lines.push(line) }, { level: "debug" });
  return { lines, publisher: new Publisher({ address: fake.path, namespace: "k8s.io", logger, retryStepMs }) };
}

function start(publisher: Publisher, ...ids: readonly string[]): void {
  for (const containerId of ids) publisher.publish({ kind: "start", containerId, pid: 1 });
}

function idsOf(fake: FakeContainerd): readonly string[] {
  // TaskStart{container_id=1}: tag, length, text
  return fake.received.map(({ event }) =>
    Buffer.from(event?.value.subarray(2, 2 + (event.value[1] ?? 0)) ?? []).toString(),
  );
}

describe("the publisher", () => {
  it("delivers events in their order over one connection, each in an envelope containerd accepts", async () => {
    await using fake = await FakeContainerd.listen();
    const { publisher, lines } = publisherFor(fake);
    const ids = Array.from({ length: 50 }, (_, index) => `c${index}`);
    start(publisher, ...ids);
    await publisher.drain(5000);
    assert.deepEqual(idsOf(fake), ids);
    assert.equal(fake.connections, 1);
    assert.equal(fake.received[0]?.namespace, "k8s.io");
    assert.equal(fake.received[0]?.event?.type_url, "containerd.events.TaskStart");
    assert.deepEqual(lines, []);
  });

  it("takes an address with the scheme that containerd gives since 2.3", async () => {
    await using fake = await FakeContainerd.listen();
    const { logger } = { logger: createLogger({ write: () => undefined }, { level: "error" }) };
    const publisher = new Publisher({ address: `unix://${fake.path}`, namespace: "n", logger, retryStepMs });
    start(publisher, "c");
    await publisher.drain(5000);
    assert.deepEqual(idsOf(fake), ["c"]);
  });

  it("tries again on a new connection, and keeps the order, when a connection breaks", async () => {
    await using fake = await FakeContainerd.listen();
    const { publisher } = publisherFor(fake);
    fake.faults.push("cut");
    start(publisher, "a", "b", "c");
    await publisher.drain(5000);
    assert.deepEqual(idsOf(fake), ["a", "b", "c"]);
    assert.equal(fake.connections, 2);
  });

  it("delivers what happened while containerd restarted", async () => {
    await using fake = await FakeContainerd.listen();
    const { publisher } = publisherFor(fake);
    start(publisher, "before");
    await fake.untilReceived(1);
    await fake.goAway();
    start(publisher, "meanwhile");
    await fake.comeBack();
    await publisher.drain(5000);
    assert.deepEqual(idsOf(fake), ["before", "meanwhile"]);
  });

  it("gives an event up after five attempts, says so, and goes on with the next", async () => {
    await using fake = await FakeContainerd.listen();
    const { publisher, lines } = publisherFor(fake);
    fake.faults.push("refuse", "refuse", "refuse", "refuse", "refuse");
    start(publisher, "lost", "kept");
    await publisher.drain(5000);
    assert.equal(fake.attempts.length, 6);
    assert.deepEqual(idsOf(fake), ["kept"]);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /level=error msg="event given up" topic=\/tasks\/start attempts=5/);
  });

  it("leaves within the drain's limit when containerd takes nothing, and says how many are left", async () => {
    await using fake = await FakeContainerd.listen();
    const { publisher, lines } = publisherFor(fake);
    fake.faults.push("mute");
    start(publisher, "a", "b");
    const began = performance.now();
    await publisher.drain(50);
    assert.ok(performance.now() - began < 2000);
    assert.match(lines.at(0) ?? "", /events were left unpublished" count=2/);
  });

  it("tries nothing any more after the drain, and takes no more events", async () => {
    await using fake = await FakeContainerd.listen();
    await fake.goAway();
    const { publisher, lines } = publisherFor(fake);
    start(publisher, "a", "b");
    await publisher.drain(1);
    start(publisher, "late");
    await fake.comeBack();
    await new Promise((resolve) => setTimeout(resolve, 20 * retryStepMs));
    assert.deepEqual([fake.connections, fake.attempts.length], [0, 0]);
    assert.match(lines.at(-1) ?? "", /event dropped: the daemon ends/);
  });

  it("drains at once when nothing was published", async () => {
    await using fake = await FakeContainerd.listen();
    await publisherFor(fake).publisher.drain(5000);
    assert.equal(fake.connections, 0);
  });

  it("never blocks or throws: beyond 2048 waiting events it drops the newest and says so", async () => {
    await using fake = await FakeContainerd.listen();
    await fake.goAway();
    const { publisher, lines } = publisherFor(fake);
    for (let index = 0; index < 2050; index++) start(publisher, `c${index}`);
    assert.equal(lines.filter((line) => line.includes("event dropped")).length, 2);
    await publisher.drain(1);
  });
});
