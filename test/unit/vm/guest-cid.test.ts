import assert from "node:assert/strict";
import { parseConfig } from "../../../src/config/parse.ts";
import { RemoteError } from "../../../src/lib/errors.ts";
import { planLaunch } from "../../../src/plan/plan-launch.ts";
import { renderQmpSteps } from "../../../src/plan/qmp-steps.ts";
import { cidOfStep, takeFreeCid } from "../../../src/vm/guest-cid.ts";
import { hostFacts } from "../plan/cases.ts";

const taken = new RemoteError("device_add", 2, "vhost-vsock: unable to set guest cid: Address already in use");

describe("the guest's vsock id", () => {
  it("is the planned one where it is free", async () => {
    assert.equal(await takeFreeCid(77, async () => undefined), 77);
  });

  it("is another, which no one has reserved, where the planned one is taken", async () => {
    const asked: number[] = [];
    const cid = await takeFreeCid(77, async (one) => {
      asked.push(one);
      if (asked.length < 5) throw taken;
    });
    assert.equal(asked[0], 77);
    assert.equal(asked[4], cid);
    assert.equal(new Set(asked).size, 5);
    for (const one of asked) assert.ok(one >= 3 && one < 0xffff_ffff, String(one));
  });

  it("is given up after five attempts, and at once for any other refusal", async () => {
    let asked = 0;
    const refuse = (error: Error) => async () => {
      asked += 1;
      throw error;
    };
    await assert.rejects(takeFreeCid(77, refuse(taken)), taken);
    assert.equal(asked, 5);
    const other = new RemoteError("device_add", 2, "vhost-vsock: failed to open vhost device: No such file");
    await assert.rejects(takeFreeCid(77, refuse(other)), other);
    assert.equal(asked, 6);
  });

  it("is found in the one step of a plan that takes it", () => {
    const { config } = parseConfig([]);
    const plan = planLaunch(
      config,
      { ...hostFacts, vhostVsock: true },
      { podId: "p", runDir: "/run/p", nics: [], annotations: {} },
    );
    const cids = renderQmpSteps(plan)
      .map(cidOfStep)
      .filter((cid) => cid !== undefined);
    assert.deepEqual(cids, [plan.vsock.cid]);
    assert.equal(plan.vsock.transport, "vhost");
  });
});
