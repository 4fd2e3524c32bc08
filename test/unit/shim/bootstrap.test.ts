import assert from "node:assert/strict";
import { parseBootstrapParams, readConfigPath, renderAnswer } from "../../../src/shim/bootstrap.ts";
import { BootstrapParams, BootstrapResult } from "../../../src/wire/gen/containerd/bootstrap.ts";
import { Options } from "../../../src/wire/gen/containerd/runtimeoptions.ts";
import { Any } from "../../../src/wire/gen/google/protobuf/any.ts";

const invocation = { id: "pod1", namespace: "k8s.io" };

function params(change: Parameters<typeof BootstrapParams.encode>[0] = {}): Uint8Array {
  return BootstrapParams.encode({
    instance_id: "pod1",
    namespace: "k8s.io",
    log_level: -4,
    containerd_version: "2.3.0",
    containerd_ttrpc_address: "/run/containerd/ttrpc.sock",
    containerd_grpc_address: "/run/containerd/containerd.sock",
    containerd_binary: "/usr/bin/containerd",
    extensions: [{ value: { type_url: "runtimeoptions.v1.Options", value: Options.encode({ config_path: "/c" }) } }],
    socket_dir: "/run/s",
    ...change,
  });
}

describe("stdin of start", () => {
  it("is a BootstrapParams when it names this id and namespace", () => {
    assert.deepEqual(parseBootstrapParams(params(), invocation), {
      instanceId: "pod1",
      namespace: "k8s.io",
      containerdVersion: "2.3.0",
      ttrpcAddress: "/run/containerd/ttrpc.sock",
      socketDir: "/run/s",
      configPath: "/c",
    });
  });

  it("leaves out what containerd leaves out", () => {
    const parsed = parseBootstrapParams(params({ socket_dir: "", containerd_ttrpc_address: "" }), invocation);
    assert.equal(parsed?.socketDir, "");
    assert.equal(parsed?.ttrpcAddress, "");
  });

  it("is no BootstrapParams for another id or namespace, as nothing and as options in an Any", () => {
    assert.equal(parseBootstrapParams(params({ instance_id: "other" }), invocation), null);
    assert.equal(parseBootstrapParams(params({ namespace: "moby" }), invocation), null);
    assert.equal(parseBootstrapParams(new Uint8Array(), invocation), null);
    const options = Options.encode({ type_url: "x", config_path: "/etc/kata-cvm/kata-cvm.toml" });
    for (const type_url of ["runtimeoptions.v1.Options", "containerd.runc.v1.Options", ""]) {
      assert.equal(parseBootstrapParams(Any.encode({ type_url, value: options }), invocation), null);
    }
  });

  it("names the configuration in its options, as those alone in an Any do", () => {
    const named = Options.encode({ type_url: "x", config_path: "/etc/kata-cvm/kata-cvm.toml" });
    for (const type_url of ["runtimeoptions.v1.Options", "type.googleapis.com/runtimeoptions.v1.Options"]) {
      assert.equal(readConfigPath(Any.encode({ type_url, value: named })), "/etc/kata-cvm/kata-cvm.toml");
    }
    for (const [type_url, value] of [
      ["containerd.runc.v1.Options", named],
      ["runtimeoptions.v1.Options", Buffer.from([0xff, 0xff])],
      ["runtimeoptions.v1.Options", new Uint8Array()],
    ] as const) {
      assert.equal(readConfigPath(Any.encode({ type_url, value })), "");
    }
    assert.equal(readConfigPath(new Uint8Array()), "");
    assert.equal(parseBootstrapParams(params({ extensions: [] }), invocation)?.configPath, "");
  });

  it("may hold fields of every wire type that a later containerd adds", () => {
    const later = Buffer.from([0x50, 1, 0x59, 1, 2, 3, 4, 5, 6, 7, 8, 0x65, 1, 2, 3, 4, 0x6a, 2, 0x68, 0x69]);
    const parsed = parseBootstrapParams(Buffer.concat([params(), later]), invocation);
    assert.equal(parsed?.ttrpcAddress, "/run/containerd/ttrpc.sock");
  });

  it("costs no more than its length, however often a field comes again", () => {
    const input = Buffer.from("0a00".repeat(200_000), "hex");
    const began = performance.now();
    assert.equal(parseBootstrapParams(input, invocation), null);
    assert.ok(performance.now() - began < 2000);
  });

  it("never throws, however it is cut off or changed", () => {
    const whole = params();
    for (let length = 0; length < whole.length; length++) parseBootstrapParams(whole.subarray(0, length), invocation);
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const broken = Buffer.from(whole);
      broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      parseBootstrapParams(broken, invocation);
    }
    let seed = 1;
    for (let run = 0; run < 2000; run++) {
      const noise = Buffer.alloc(run % 64);
      for (let at = 0; at < noise.length; at++) {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
        noise[at] = seed >>> 16;
      }
      assert.equal(parseBootstrapParams(noise, invocation), null);
    }
  });
});

describe("the answer of start", () => {
  const bundle = "/run/containerd/io.containerd.runtime.v2.task/k8s.io/pod1";
  const none = { params: null, annotations: {}, bundle };
  const criOf2 = { "io.kubernetes.cri.podsandbox.image-name": "registry.k8s.io/pause:3.10" };

  it("decodes as a BootstrapResult of version 3 over ttrpc for who sent BootstrapParams (2.3 and newer)", () => {
    for (const address of ["unix:///run/containerd/s/ab", `unix:///${"long/".repeat(60)}`]) {
      const from2x = { ...none, params: parseBootstrapParams(params(), invocation) };
      const result = BootstrapResult.decode(renderAnswer(address, from2x));
      assert.equal(result.version, 3);
      assert.equal(result.address, address);
      assert.equal(result.protocol, "ttrpc");
    }
  });

  it("is JSON of version 3 for a sandbox of 2.0 to 2.2, which its image's annotation or its directory gives away", () => {
    const controller = "/run/containerd/io.containerd.sandbox.controller.v1.shim/k8s.io/pod1";
    for (const facts of [
      { ...none, annotations: criOf2 },
      { ...none, bundle: controller },
    ]) {
      const answer = JSON.parse(renderAnswer("unix:///s", facts).toString()) as unknown;
      assert.deepEqual(answer, { version: 3, address: "unix:///s", protocol: "ttrpc" });
    }
  });

  it("is the plain address for who may be 1.x: JSON is an address to 1.6, and 1.7 refuses version 3", () => {
    const criOf1 = { "io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-id": "pod1" };
    for (const annotations of [{}, criOf1]) {
      assert.equal(renderAnswer("unix:///s", { ...none, annotations }).toString(), "unix:///s");
    }
  });
});
