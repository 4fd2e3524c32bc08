import assert from "node:assert/strict";
import { configPathOf } from "../../../src/shim/class-config.ts";

describe("the configuration of a handler without options", () => {
  for (const [program, path] of [
    ["containerd-shim-kata-cvm-v2", "/etc/kata-cvm/kata-cvm.toml"],
    ["containerd-shim-kata-cvm-snp-v2", "/etc/kata-cvm/kata-cvm-snp.toml"],
    ["containerd-shim-kata-cvm-tdx-v3", "/etc/kata-cvm/kata-cvm-tdx.toml"],
    ["main.cjs", ""],
    ["containerd-shim-..-v2", ""],
    ["containerd-shim-a/../../b-v2", ""],
    ["containerd-shim--v2", ""],
    ["", ""],
  ] as const) {
    it(`is ${path || "the default"} when the shim was called ${JSON.stringify(program)}`, () => {
      assert.equal(configPathOf({ KATA_CVM_SHIM: program }), path);
    });
  }

  it("is looked for in another directory, or is another file, when the environment says so", () => {
    const environment = { KATA_CVM_SHIM: "containerd-shim-x-v2", KATA_CVM_CONFIG_DIR: "/srv/conf" };
    assert.equal(configPathOf(environment), "/srv/conf/x.toml");
    assert.equal(configPathOf({ ...environment, KATA_CVM_CONFIG: "/srv/one.toml" }), "/srv/one.toml");
    assert.equal(configPathOf({}), "");
  });
});
