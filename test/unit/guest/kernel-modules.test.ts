import assert from "node:assert/strict";
import { loadModules } from "../../../src/guest/kernel-modules.ts";
import { HostCommandFailed, InvalidRequest, Unsupported } from "../../../src/lib/errors.ts";
import { KernelModule } from "../../../src/wire/gen/kata/agent.ts";

describe("kernel modules that the host asks for", () => {
  const ran: string[] = [];
  const guest = (isConfidential: boolean) => async (program: string, args: readonly string[]) => {
    if (program === "systemd-detect-virt" && !isConfidential)
      throw new HostCommandFailed(program, { exitCode: 1, stderr: "" });
    if (program === "modprobe") ran.push(args.join(" "));
  };
  const asked = (name: string) => [KernelModule.create({ name, parameters: ["size=1"] })];
  beforeEach(() => void ran.splice(0));

  it("are loaded with their parameters, which no name can be taken for", async () => {
    await loadModules(asked("brd"), guest(false));
    assert.deepEqual(ran, ["-- brd size=1"]);
    await assert.rejects(loadModules(asked("../brd"), guest(false)), InvalidRequest);
  });

  it("are refused by a confidential guest", async () => {
    await assert.rejects(loadModules(asked("brd"), guest(true)), Unsupported);
    assert.deepEqual(ran, []);
  });
});
