import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPrograms } from "../../../../src/cli/doctor/programs.ts";
import { parseConfig } from "../../../../src/config/parse.ts";

describe("doctor's look at programs", () => {
  const dir = mkdtempSync(join(tmpdir(), "programs-"));
  const path = process.env["PATH"];
  after(() => {
    process.env["PATH"] = path;
    rmSync(dir, { recursive: true });
  });

  async function nftCheck(portForwardPort: number) {
    const text = `[vm]\naccelerator = "tcg"\n[paths]\nqemu = "${dir}/no-qemu"\n[agent]\nport_forward_port = ${portForwardPort}\n`;
    const { config } = parseConfig([{ path: "test.toml", text }]);
    return (await checkPrograms(config, dir)).find(({ name }) => name === "nft");
  }

  it("includes nft, which port-forward needs", async () => {
    const nft = join(dir, "nft");
    writeFileSync(nft, "");
    chmodSync(nft, 0o755);
    process.env["PATH"] = dir;
    assert.deepEqual(await nftCheck(1025), {
      name: "nft",
      origin: nft,
      status: "ok",
      found: "redirects port-forwards into the guest",
    });
    assert.equal(await nftCheck(0), undefined);
  });
});
