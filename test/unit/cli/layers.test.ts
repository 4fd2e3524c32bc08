import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layersCommand } from "../../../src/cli/layers.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { InvalidRequest } from "../../../src/lib/errors.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { boundLayers } from "../../../src/runtime/bound-layers.ts";

const mib = 1024 * 1024;

describe("the layers of this machine", () => {
  let dir: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "cli-layers-"));
    mkdirSync(join(dir, "index"));
    layer("aa", { mib: 3, usedAt: 1000 });
    layer("bb", { mib: 2, usedAt: 2000 });
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  function layer(rootHash: string, facts: { mib: number; usedAt: number }): void {
    const path = join(dir, `${rootHash}.erofs`);
    writeFileSync(path, "");
    truncateSync(path, facts.mib * mib);
    utimesSync(path, facts.usedAt, facts.usedAt);
    const image = { path, rootHash, bytes: facts.mib * mib, dataBlocks: 1 };
    writeFileSync(join(dir, "index", `${rootHash}.json`), JSON.stringify({ source: `/snapshots/${rootHash}`, image }));
  }

  function configText(maxMiB: number): string {
    return `[paths]\nlayers = "${dir}"\nlayers_max = ${maxMiB}\n`;
  }

  function config(maxMiB: number): string {
    const path = join(dir, "test.toml");
    writeFileSync(path, configText(maxMiB));
    return path;
  }

  const there = () => ["aa", "bb"].filter((name) => existsSync(join(dir, `${name}.erofs`)));

  it("are listed with their sizes, the longest unused first", async () => {
    const { json, text, exitCode } = await layersCommand.run({ config: config(4) });
    assert.equal(exitCode, 0);
    assert.match(text, /^ROOT HASH +MIB +LAST USED +IN USE +FROM\naa +3\.0 .*\/snapshots\/aa\nbb +2\.0 /);
    assert.match(text, /5\.0 MiB in .*, of 4 MiB that paths\.layers_max allows$/);
    const { maxBytes, bytes, layers } = json as { maxBytes: number; bytes: number; layers: unknown[] };
    assert.deepEqual([maxBytes, bytes], [4 * mib, 5 * mib]);
    const path = join(dir, "aa.erofs");
    const lastUsed = "1970-01-01T00:16:40.000Z";
    const first = { path, rootHash: "aa", bytes: 3 * mib, lastUsed, inUse: false, sources: ["/snapshots/aa"] };
    assert.deepEqual(layers[0], first);
  });

  it("are pruned to the configured bound, or to the one that is given", async () => {
    const { json } = await layersCommand.run({ action: "prune", config: config(4) });
    assert.deepEqual(json, {
      directory: dir,
      removed: [{ path: join(dir, "aa.erofs"), rootHash: "aa", bytes: 3 * mib }],
      keptBytes: 2 * mib,
    });
    assert.deepEqual(there(), ["bb"]);
    const { text } = await layersCommand.run({ action: "prune", to: 0, config: config(4) });
    assert.equal(text, `removed bb, 2.0 MiB\n0.0 MiB stay in ${dir}`);
    assert.deepEqual(there(), []);
  });

  it("are pruned by nothing where there is no bound", async () => {
    await assert.rejects(layersCommand.run({ action: "prune", config: config(0) }), InvalidRequest);
    await boundLayers(parseConfig([{ path: "test", text: configText(0) }]).config, silentLogger);
    assert.deepEqual(there(), ["aa", "bb"]);
  });

  it("stay within the bound after a conversion; a cache that cannot be pruned is only told", async () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    const { config: bounded } = parseConfig([{ path: "test", text: configText(4) }]);
    await boundLayers(bounded, logger);
    assert.deepEqual([there(), warnings], [["bb"], []]);
    rmSync(join(dir, "index"), { recursive: true });
    writeFileSync(join(dir, "index"), "");
    await boundLayers(bounded, logger);
    assert.deepEqual(warnings, ["the layer cache could not be pruned"]);
  });
});
