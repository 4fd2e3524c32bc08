import assert from "node:assert/strict";
import { PodUserNamespace } from "../../../src/guest/user-namespaces.ts";
import { InvalidRequest } from "../../../src/lib/errors.ts";
import { Linux } from "../../../src/wire/gen/kata/oci.ts";

const made = { ipc: "/i", uts: "/t", user: "/u" };
const mapping = (HostID: number) => [{ ContainerID: 0, HostID, Size: 65_536 }];
const asking = (uid: number, gid = uid) =>
  Linux.create({ Namespaces: [{ Type: "user" }], UIDMappings: mapping(uid), GIDMappings: mapping(gid) });
const first = { hostname: "pod", hasContainers: false };
const later = { hostname: "pod", hasContainers: true };

describe("the pod's user namespace", () => {
  it("is made once, with the ids and the hostname of its first container", async () => {
    const calls: unknown[] = [];
    const pod = new PodUserNamespace(async (...args) => {
      calls.push(args);
      return made;
    });
    assert.deepEqual([await pod.of(asking(1000, 2000), first), await pod.of(asking(1000, 2000), later)], [made, made]);
    const ids = (hostID: number) => [{ containerID: 0, hostID, size: 65_536 }];
    assert.deepEqual(calls, [[{ uids: ids(1000), gids: ids(2000) }, "pod"]]);
  });

  it("is not for a container that asks for none", async () => {
    const pod = new PodUserNamespace(async () => assert.fail("made"));
    assert.equal(await pod.of(Linux.create({ UIDMappings: mapping(5) }), first), undefined);
    assert.equal(await pod.of(undefined, first), undefined);
  });

  it("refuses other ids, be it the groups' alone", async () => {
    const pod = new PodUserNamespace(async () => made);
    await pod.of(asking(1000), first);
    await assert.rejects(pod.of(asking(1000, 3000), later), InvalidRequest);
  });

  it("refuses to be made when the pod has containers outside it", async () => {
    const pod = new PodUserNamespace(async () => assert.fail("made"));
    await assert.rejects(pod.of(asking(1000), later), InvalidRequest);
  });

  it("can be asked for again after it could not be made", async () => {
    const outcomes = [Promise.reject(new Error("no")), Promise.resolve(made)];
    const pod = new PodUserNamespace(() => outcomes.shift() ?? assert.fail());
    await assert.rejects(pod.of(asking(1000), first), /no/);
    assert.deepEqual(await pod.of(asking(2000), first), made);
  });
});
