import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addRedirect, removeRedirect } from "../../../src/host/port-redirect.ts";
import { EnvironmentLacks, HostCommandFailed } from "../../../src/lib/errors.ts";
import type { OwnedThing } from "../../../src/lib/owned.ts";

const netns = "/proc/self/ns/net";
const table = { kind: "nft-table", netns, name: "kata_cvm_forward" } as const;

describe("the redirect of port-forwards", () => {
  const dir = mkdtempSync(join(tmpdir(), "redirect-"));
  const path = process.env["PATH"];
  after(() => rmSync(dir, { recursive: true }));
  afterEach(() => {
    process.env["PATH"] = path;
  });

  /** All that a redirect runs is `nsenter … nft`. */
  function nsenterThat(script: string): void {
    writeFileSync(join(dir, "nsenter"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    process.env["PATH"] = `${dir}:${path}`;
  }

  async function add(): Promise<{ owned: readonly OwnedThing[]; error: unknown }> {
    const owned: OwnedThing[] = [];
    const ownership = {
      claim: async (thing: OwnedThing) => void owned.push(thing),
      release: async (thing: OwnedThing) => {
        const index = owned.findIndex((other) => JSON.stringify(other) === JSON.stringify(thing));
        if (index >= 0) owned.splice(index, 1);
      },
    };
    const error = await addRedirect(netns, 4000, ownership).catch((cause: unknown) => cause);
    return { owned, error };
  }

  it("is owned once it is there", async () => {
    nsenterThat("exit 0");
    assert.deepEqual(await add(), { owned: [table], error: undefined });
  });

  it("is not owned where nft is not installed, which is said with its package", async () => {
    nsenterThat('echo "nsenter: failed to execute nft: No such file or directory" >&2; exit 127');
    const { owned, error } = await add();
    assert.deepEqual(owned, []);
    assert.ok(error instanceof EnvironmentLacks);
    assert.equal(error.message, "nft is not on this machine; install the Debian package nftables");
  });

  it("is not owned where the kernel has no nf_tables", async () => {
    nsenterThat('echo "netlink: Error: cache initialization failed: Protocol not supported" >&2; exit 1');
    const { owned, error } = await add();
    assert.deepEqual(owned, []);
    assert.ok(error instanceof HostCommandFailed);
  });

  it("stays owned when nft was killed: it may have made it", async () => {
    nsenterThat("kill -KILL $$");
    assert.deepEqual((await add()).owned, [table]);
  });

  it("is removed without a fault where nft is not installed", async () => {
    nsenterThat("exit 127");
    await removeRedirect(table);
  });

  it("that cannot be removed is a fault", async () => {
    nsenterThat("exit 1");
    await assert.rejects(removeRedirect(table), HostCommandFailed);
  });
});
