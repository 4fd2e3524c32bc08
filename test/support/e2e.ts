// What the e2e files share: one lab for the whole mocha run, the handler under test
// (E2E_HANDLER, default kata-cvm-fast), and the audit that nothing is left behind.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { handlers } from "../lab/handlers.ts";
import { type Leftovers, settle } from "../lab/leftovers.ts";
import { PATIENCE } from "../lab/patience.ts";
import { type Lab, startLab } from "../lab/start-lab.ts";
import { type ToolName, toolPath } from "../lab/tools.ts";
import { Cri } from "./cri.ts";

export const HANDLER = process.env["E2E_HANDLER"] ?? "kata-cvm-fast";
/** False for the peer, which has neither our daemon nor a VM. */
export const IS_OURS = HANDLER.startsWith("kata-cvm");
/** Boots a VM without KVM: the slowest thing any one test waits for, ms. */
export const BOOT_LIMIT_MS = 180_000 * PATIENCE;

const shared: { lab?: Promise<Lab> } = {};

export function sharedLab(): Promise<Lab> {
  shared.lab ??= openLab();
  return shared.lab;
}

async function openLab(): Promise<Lab> {
  const version = process.env["E2E_CONTAINERD"] ?? "1.6";
  const folder = mkdtempSync(join(tmpdir(), "kata-cvm-e2e-"));
  const snapshotter = process.env["E2E_SNAPSHOTTER"] ?? "overlayfs";
  const all = handlers();
  if (!all.some((handler) => handler.name === HANDLER)) {
    throw new Error(`no handler ${HANDLER}: run npm run build, or set E2E_HANDLER=runc`);
  }
  const containerd = toolPath(`containerd-${version}` as ToolName);
  return await startLab({ folder, handlers: all, containerd, snapshotter });
}

beforeEach(function () {
  const test = this.currentTest;
  if (PATIENCE !== 1 && test !== undefined) test.timeout(test.timeout() * PATIENCE);
});

after(async function () {
  this.timeout(60_000 * PATIENCE);
  const lab = await shared.lab?.catch(() => undefined);
  if (lab === undefined) return;
  await lab.stop();
  if (process.env["E2E_KEEP"] === undefined) rmSync(lab.folder, { recursive: true, force: true });
});

/** What `describe` bodies work with; filled by a before hook. */
export interface E2e {
  cri: Cri;
  /** what was there before the first pod */
  before: Leftovers;
}

/** Gives the surrounding `describe` a Cri and ends it with the test that nothing is left. */
export function usePods(options: { handler?: string } = {}): E2e {
  const e2e = {} as E2e;
  before(async function () {
    this.timeout(BOOT_LIMIT_MS);
    const lab = await sharedLab();
    e2e.cri = new Cri(lab, options.handler ?? HANDLER);
    e2e.before = await lab.holdings();
  });
  after(async function () {
    this.timeout(BOOT_LIMIT_MS);
    await e2e.cri.cleanUp();
  });
  return e2e;
}

/** Fails with the list of whatever is there now and was not before the first pod. */
export async function assertNothingLeft(e2e: E2e): Promise<void> {
  await e2e.cri.cleanUp();
  const read = async () => withoutPeersFaults(await e2e.cri.lab.holdings());
  assert.deepEqual(await settle(e2e.before, read), []);
}

/** runc's shim leaves its socket behind when it is killed; ours must not. */
function withoutPeersFaults(holdings: Leftovers): Leftovers {
  return IS_OURS ? holdings : new Set([...holdings].filter((line) => !line.startsWith("file\ts /run/containerd/s/")));
}
