// What nobody should send: each refused by its field, with the daemon serving on.
import assert from "node:assert/strict";
import { OciTypeUrl, packJsonAny } from "../../../src/wire/any.ts";
import { containerSpec, refusal, sandboxSpec, TaskHarness } from "./task-harness.ts";

// google.rpc.Code
const invalidArgument = 3;
const notFound = 5;
const failedPrecondition = 9;

const execSpec = packJsonAny(OciTypeUrl.process, { args: ["ls"], cwd: "/", user: { uid: 0, gid: 0 } });

describe("the Task service, given what cannot be", () => {
  const process = { cwd: "/", args: ["true"], user: { uid: 0, gid: 0 } };
  const overlong = "x".repeat(4 * 1024 * 1024);
  /** what is wrong, the bundle's config.json, changes of the request, and the field that the answer names */
  const bad: readonly (readonly [string, unknown, object, RegExp])[] = [
    ["an empty id", sandboxSpec(), { id: "" }, /^id: is empty/],
    ["an id that leaves its directory", sandboxSpec(), { id: "../etc" }, /^id: /],
    ["an id with a slash", sandboxSpec(), { id: "a/b" }, /^id: /],
    ["an id with a NUL", sandboxSpec(), { id: "a\0b" }, /^id: /],
    ["an id of 77 characters", sandboxSpec(), { id: "a".repeat(77) }, /^id: is 77 characters/],
    ["a relative bundle", sandboxSpec(), { bundle: "bundle" }, /^bundle: must be an absolute path/],
    ["no bundle", sandboxSpec(), { bundle: "" }, /^bundle: /],
    ["a config.json that is no JSON", "{", {}, /^config\.json: is not JSON/],
    ["an empty config.json", "", {}, /^config\.json: is not JSON/],
    ["a config.json that is an array", [], {}, /object/],
    ["a config.json larger than any guest can take", sandboxSpec({ overlong }), {}, /^config\.json: is \d+ bytes long/],
    ["a spec without a process", sandboxSpec({ process: undefined }), {}, /^process: is missing/],
    ["a spec without a root", sandboxSpec({ root: undefined }), {}, /^root: is missing/],
    ["an empty root path", sandboxSpec({ root: { path: "" } }), {}, /^root\.path: is empty/],
    ["no arguments", sandboxSpec({ process: { ...process, args: [] } }), {}, /^process\.args: is empty/],
    ["a relative cwd", sandboxSpec({ process: { ...process, cwd: "tmp" } }), {}, /^process\.cwd: /],
    ["a uid below 0", sandboxSpec({ process: { ...process, user: { uid: -1, gid: 0 } } }), {}, /process\.user\.uid/],
    ["mounts of the wrong type", sandboxSpec({ mounts: {} }), {}, /^mounts: /],
    ["a mount without destination", sandboxSpec({ mounts: [{ source: "/a" }] }), {}, /^mounts\[0\]\.destination: /],
    [
      "a terminal that only the request has",
      sandboxSpec({ process: { ...process, terminal: false } }),
      { terminal: true },
      /^terminal: is true, but/,
    ],
    [
      "a terminal that only the spec has",
      sandboxSpec({ process: { ...process, terminal: true } }),
      { terminal: false },
      /^terminal: is false, but/,
    ],
    [
      "a container of an unknown kind",
      sandboxSpec({ annotations: { "io.kubernetes.cri.container-type": "vm" } }),
      {},
      /^annotations\["io\.kubernetes\.cri\.container-type"\]: /,
    ],
    [
      "a container that names no pod",
      sandboxSpec({ annotations: { "io.kubernetes.cri.container-type": "container" } }),
      {},
      /^annotations\["io\.kubernetes\.cri\.sandbox-id"\]: is missing/,
    ],
    [
      "a pod id that leaves its directory",
      containerSpec({
        annotations: { "io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "../x" },
      }),
      {},
      /^annotations\["io\.kubernetes\.cri\.sandbox-id"\]: /,
    ],
    [
      "options that do not decode",
      sandboxSpec(),
      { options: { type_url: "runtimeoptions.v1.Options", value: Buffer.from([0x0a, 0xff]) } },
      /^options: is no runtimeoptions\.v1\.Options/,
    ],
  ];
  for (const [what, spec, change, field] of bad) {
    it(`refuses to create from ${what} with InvalidArgument, and serves on`, async () => {
      using harness = TaskHarness.open();
      const request = { id: "pod1", bundle: harness.bundle("pod1", spec), ...change };
      const { code, text } = await refusal(harness.task.Create(request));
      assert.match(text, field);
      assert.equal(code, invalidArgument);
      assert.ok(!text.includes("\n"));
      assert.deepEqual(harness.world.events, []);
      assert.ok(!harness.pods.busy);
      await harness.create("pod1", sandboxSpec());
    });
  }

  it("says what is missing of a bundle that is not there, and of a pod that is not here", async () => {
    using harness = TaskHarness.open();
    const missing = await refusal(harness.task.Create({ id: "pod1", bundle: "/nosuch/bundle" }));
    assert.match(missing.text, /read \/nosuch\/bundle\/config\.json: ENOENT/);
    const orphan = await refusal(harness.create("app", containerSpec()));
    assert.equal(orphan.code, notFound);
    assert.match(orphan.text, /pod "pod1" not found/);
  });

  it("never says Unimplemented for a Create but of a checkpoint: containerd would try an older API", async () => {
    using harness = TaskHarness.open();
    const hostNetwork = sandboxSpec({ linux: { namespaces: [{ type: "pid" }, { type: "ipc" }] } });
    assert.equal((await refusal(harness.create("pod1", hostNetwork))).code, failedPrecondition);
  });

  it("refuses a bad Exec by its field", async () => {
    using harness = await TaskHarness.running();
    const spec = (change: object) =>
      packJsonAny(OciTypeUrl.process, { args: ["ls"], cwd: "/", user: { uid: 0, gid: 0 }, ...change });
    const request = { id: "app", exec_id: "e1", spec: spec({}) };
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ exec_id: "" }, /^exec_id: is empty/],
      [{ exec_id: "../e" }, /^exec_id: /],
      [{ spec: undefined }, /^spec: is missing/],
      [{ spec: { type_url: "some.Other", value: Buffer.from("{}") } }, /^spec: has the unknown type "some\.Other"/],
      [{ spec: { type_url: OciTypeUrl.process, value: Buffer.from("{") } }, /^spec: is not JSON/],
      [{ spec: spec({ args: [] }) }, /^args: is empty/],
      [{ spec: spec({ cwd: "tmp" }) }, /^cwd: /],
      [{ terminal: true }, /^terminal: /],
    ];
    for (const [change, field] of cases) {
      const { code, text } = await refusal(harness.task.Exec({ ...request, ...change }));
      assert.match(text, field);
      assert.equal(code, invalidArgument, text);
    }
    assert.equal((await refusal(harness.task.Exec({ ...request, id: "nosuch" }))).code, notFound);
    assert.deepEqual(harness.pods.container("app").execIds, []);
  });

  it("refuses a bad Update and a signal that is none", async () => {
    using harness = await TaskHarness.running();
    const other = { type_url: "some.Other", value: Buffer.from("{}") };
    for (const [resources, field] of [
      [undefined, /^resources: is missing/],
      [other, /^resources: has the unknown type/],
      [packJsonAny(OciTypeUrl.linuxResources, { memory: { limit: "much" } }), /^memory\.limit: /],
    ] as const) {
      const { code, text } = await refusal(harness.task.Update({ id: "app", resources }));
      assert.match(text, field);
      assert.equal(code, invalidArgument);
    }
    assert.equal((await refusal(harness.task.Kill({ id: "app", signal: 65 }))).code, invalidArgument);
    assert.equal((await refusal(harness.task.Kill({ id: "app", signal: 4_000_000_000 }))).code, invalidArgument);
  });

  it("answers NotFound to every call for an id that it does not know", async () => {
    using harness = await TaskHarness.running();
    const id = "nosuch";
    const { task } = harness;
    const calls = [
      task.State({ id }),
      task.Start({ id }),
      task.Delete({ id }),
      task.Pids({ id }),
      task.Pause({ id }),
      task.Resume({ id }),
      task.Kill({ id, signal: 9 }),
      task.Exec({ id, exec_id: "e", spec: execSpec }),
      task.ResizePty({ id }),
      task.CloseIO({ id, stdin: true }),
      task.Update({ id, resources: packJsonAny(OciTypeUrl.linuxResources, {}) }),
      task.Wait({ id }),
      task.Stats({ id }),
      task.State({ id: "app", exec_id: "nosuch" }),
      task.Start({ id: "app", exec_id: "nosuch" }),
      task.Delete({ id: "app", exec_id: "nosuch" }),
      task.Wait({ id: "app", exec_id: "nosuch" }),
      task.Kill({ id: "app", exec_id: "nosuch", signal: 9 }),
    ];
    for (const [index, call] of calls.entries()) assert.equal((await refusal(call)).code, notFound, `call ${index}`);
  });
});
