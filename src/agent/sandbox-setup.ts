// Makes a booted guest the pod's sandbox: network, then CreateSandbox. In this order, because
// CreateSandbox wipes the agent's directory and must be sent once (agent-protocol §3.7, §4.9).
import type { NetworkFacts } from "../host/network-facts.ts";
import { pause } from "../lib/deadline.ts";
import { RemoteError } from "../lib/errors.ts";
import type { Storage } from "../wire/gen/kata/agent.ts";
import type { Init } from "../wire/message.ts";
import { StatusCode } from "../wire/ttrpc/status.ts";
import type { AgentRpc } from "./agent-client.ts";

export interface SandboxSetup {
  readonly sandboxId: string;
  readonly hostname: string;
  /** lines of the pod's resolv.conf, as they are */
  readonly dns: readonly string[];
  /** only our agent does this; others ignore it and let the first container hold it (agent-protocol §4.7) */
  readonly holdsPids: boolean;
  readonly network: NetworkFacts;
  readonly storages: readonly Init<Storage>[];
}

/** as often as the reference host asks (agent-protocol §3.7) */
const linkAttempts = 20;
const linkPauseMs = 50;

const family = { v4: 0, v6: 1 } as const;

export async function setUpSandbox(rpc: AgentRpc, setup: SandboxSetup, timeoutMs: number): Promise<void> {
  await setUpNetwork(rpc, setup.network, timeoutMs);
  await rpc.CreateSandbox(
    {
      hostname: setup.hostname,
      dns: setup.dns,
      sandbox_pidns: setup.holdsPids,
      storages: setup.storages,
      sandbox_id: setup.sandboxId,
    },
    { timeoutMs },
  );
}

async function setUpNetwork(rpc: AgentRpc, network: NetworkFacts, timeoutMs: number): Promise<void> {
  const call = { timeoutMs };
  for (const { name, mac, mtu, kind, isNoArp, addresses } of network.interfaces) {
    await updateInterface(
      rpc,
      {
        interface: {
          device: name,
          name,
          hwAddr: mac,
          mtu,
          type: kind,
          raw_flags: isNoArp ? 0x80 : 0,
          IPAddresses: addresses.map((one) => ({
            family: family[one.family],
            address: one.address,
            mask: String(one.prefixLength),
          })),
        },
      },
      call,
    );
  }
  if (network.routes.length > 0) await rpc.UpdateRoutes({ routes: { Routes: network.routes.map(toRoute) } }, call);
  if (network.neighbours.length > 0) await addNeighbours(rpc, network, timeoutMs);
}

/** The guest's kernel may still be looking at its devices when the agent answers already. */
async function updateInterface(
  rpc: AgentRpc,
  request: Parameters<AgentRpc["UpdateInterface"]>[0],
  call: { timeoutMs: number },
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await rpc.UpdateInterface(request, call);
      return;
    } catch (error) {
      const isMissing = error instanceof RemoteError && error.remoteMessage.includes("Link not found");
      if (!isMissing || attempt === linkAttempts) throw error;
      await pause(linkPauseMs);
    }
  }
}

function toRoute(route: NetworkFacts["routes"][number]) {
  const { destination, gateway, device, source, scope, flags, mtu } = route;
  return { dest: destination, gateway, device, source, scope, family: family[route.family], flags, mtu };
}

/** Optional in the protocol: an agent that lacks it resolves addresses by itself. */
async function addNeighbours(rpc: AgentRpc, network: NetworkFacts, timeoutMs: number): Promise<void> {
  const ARPNeighbors = network.neighbours.map(({ address, device, mac, state }) => ({
    toIPAddress: { family: address.includes(":") ? family.v6 : family.v4, address, mask: "" },
    device,
    lladdr: mac,
    state,
  }));
  try {
    await rpc.AddARPNeighbors({ neighbors: { ARPNeighbors } }, { timeoutMs });
  } catch (error) {
    if (!(error instanceof RemoteError) || error.status !== StatusCode.unimplemented) throw error;
  }
}
