// A tap beside the CNI's interface, in the same namespace, with every frame that enters one leaving
// the other. The redirect takes frames before the namespace's own stack sees them, so the guest can
// carry the interface's MAC and addresses while the interface keeps them too.
import { InvalidRequest } from "../lib/errors.ts";
import type { Ownership } from "../lib/owned.ts";
import { hasNetns, runInNetns } from "./netns.ts";

export interface TapRequest {
  /** path of the pod's network namespace */
  readonly netns: string;
  /** the CNI's interface in it */
  readonly peer: string;
  /** the tap to make, at most 15 bytes */
  readonly name: string;
  readonly mtu: number;
  /** more than one makes a multi-queue tap, which QEMU must then open with `queues=`; default 1 */
  readonly queues?: number;
}

export interface TapIdentity {
  readonly netns: string;
  readonly name: string;
  readonly peer: string;
}

// Both batches through one shell: its printf is a builtin, so this costs one spawn and two execs.
const addScript = `printf '%s' "$1" | ip -batch - && printf '%s' "$2" | tc -batch -`;
const removeScript = `tc qdisc del dev "$2" ingress 2>/dev/null
ip link delete dev "$1" 2>/dev/null
if ip link show dev "$1" >/dev/null 2>&1; then echo "$1 is still there" >&2; exit 1; fi`;

/** Makes the tap and both redirects. QEMU, started in the namespace, opens it by name. */
export async function createTap(request: TapRequest, ownership: Ownership): Promise<void> {
  const { netns, name, peer } = request;
  checkName("tap", name);
  checkName("interface", peer);
  await ownership.claim({ kind: "tap", netns, name, peer });
  await runInNetns(netns, ["sh", "-c", addScript, "sh", renderIpBatch(request), renderTcBatch(request)]);
}

/** Undoes createTap; parts that are gone, or the whole namespace, are fine. */
export async function removeTap(tap: TapIdentity): Promise<void> {
  checkName("tap", tap.name);
  checkName("interface", tap.peer);
  if (!(await hasNetns(tap.netns))) return;
  await runInNetns(tap.netns, ["sh", "-c", removeScript, "sh", tap.name, tap.peer]);
}

function renderIpBatch({ name, mtu, queues = 1 }: TapRequest): string {
  const multi = queues > 1 ? " multi_queue" : "";
  // Without a link-local address of its own the tap sends nothing that the guest would receive.
  return [
    `tuntap add dev ${name} mode tap${multi}`,
    `link set dev ${name} addrgenmode none`,
    `link set dev ${name} mtu ${mtu} up`,
    "",
  ].join("\n");
}

function renderTcBatch({ name, peer }: TapRequest): string {
  const redirect = (from: string, to: string) =>
    `filter replace dev ${from} parent ffff: protocol all prio 1 handle 800::800 u32 match u8 0 0 action mirred egress redirect dev ${to}`;
  return [
    `qdisc replace dev ${peer} ingress`,
    `qdisc replace dev ${name} ingress`,
    redirect(peer, name),
    redirect(name, peer),
    "",
  ].join("\n");
}

/** The kernel allows more; a name with a space or newline would write another batch line. */
function checkName(what: string, name: string): void {
  if (!/^[A-Za-z0-9_.@:-]{1,15}$/.test(name)) throw new InvalidRequest(what, `"${name}" is no interface name`);
}
