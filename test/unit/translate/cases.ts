// The containers that the golden files hold: specs as containerd 1.6 wrote them for crictl (pause,
// app, privileged), as 2.4 did for a pod with a user namespace and as ctr does, and one of each kind of
// mount, limit and filter.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseSpec, requireContainerSpec } from "../../../src/oci/parse-spec.ts";
import { toAgentSpec } from "../../../src/translate/agent-spec.ts";
import { type ContainerInput, translateContainer } from "../../../src/translate/container.ts";
import type { EmptyDirFacts } from "../../../src/translate/empty-dirs.ts";
import { hostSources, type SourceFacts } from "../../../src/translate/mounts.ts";
import { CreateContainerRequest } from "../../../src/wire/gen/kata/agent.ts";

export const goldenRoot = fileURLToPath(new URL("../../golden/translate/", import.meta.url));

const directory: SourceFacts = { kind: "directory", mode: 0o755, submounts: [] };
const emptyDirs = "/var/lib/kubelet/pods/u1/volumes/kubernetes.io~empty-dir";
function emptyDirFacts(name: string, change: Partial<EmptyDirFacts>): Readonly<Record<string, SourceFacts>> {
  const path = `${emptyDirs}/${name}`;
  return { [path]: { ...directory, emptyDir: { path, subPath: "", isTmpfs: false, gid: 0, ...change } } };
}

/** What stands at host paths that are not plain directories. */
const special: Readonly<Record<string, SourceFacts>> = {
  ...emptyDirFacts("memory", { isTmpfs: true }),
  ...emptyDirFacts("cache", {}),
  ...emptyDirFacts("grouped", { gid: 2000 }),
  "/srv/nested": {
    ...directory,
    submounts: [
      { path: "a", isReadonly: false },
      { path: "a/b", isReadonly: true },
    ],
  },
  "/var/lib/kubelet/pods/u1/etc-hosts": { ...directory, kind: "file" },
};

const layers = ["0:0", "1:0"].map((source) => ({
  driver: "scsi" as const,
  source,
  verity: { rootHash: "ab".repeat(32), salt: "cd".repeat(32), hashOffsetBytes: 8192, blockBytes: 4096 },
}));

const ours = { seccomp: true, verityLayers: true, userNamespaces: true };
const common = { seccomp: false, verityLayers: false, userNamespaces: false };

interface Case {
  readonly name: string;
  readonly role: ContainerInput["role"];
  readonly guest: ContainerInput["guest"];
  readonly mappedLayers?: boolean;
}

export const cases: readonly Case[] = [
  { name: "pause", role: "sandbox", guest: ours },
  { name: "app", role: "container", guest: ours },
  { name: "app-with-common-agent", role: "container", guest: common },
  { name: "privileged", role: "container", guest: ours },
  { name: "ctr", role: "single", guest: ours },
  { name: "mounts", role: "container", guest: ours },
  { name: "limits-and-filters", role: "container", guest: ours },
  { name: "user-namespace-pause", role: "sandbox", guest: ours, mappedLayers: true },
  { name: "user-namespace", role: "container", guest: ours, mappedLayers: true },
];

export function inputOf({ name, role, guest, mappedLayers = false }: Case): ContainerInput {
  const spec = requireContainerSpec(parseSpec(readFileSync(`${goldenRoot}${name}/spec.json`)));
  const sources = new Map(hostSources(spec.mounts ?? []).map((path) => [path, special[path] ?? directory]));
  return {
    containerId: "c1",
    podId: "pod1",
    bundle: "/run/bundles/c1",
    role,
    spec,
    layers: mappedLayers ? layers.map((layer) => ({ ...layer, isIdMapped: true })) : layers,
    guest,
    rules: { hostPaths: "copy", emptyDirs: "plain", emptyDirBytes: 0 },
    volumeDisks: new Map(),
    sources,
  };
}

/** What the agent gets, with 64-bit numbers that JSON cannot hold as text. */
export function outcomeOf(input: ContainerInput): unknown {
  const { spec, storages, copies, sandboxPidns } = translateContainer(input);
  const init = { container_id: input.containerId, OCI: toAgentSpec(spec), storages, sandbox_pidns: sandboxPidns };
  const request = CreateContainerRequest.create(init);
  return JSON.parse(
    JSON.stringify({ copies, request }, (_key, value) => (typeof value === "bigint" ? text(value) : value)),
  );
}

function text(value: bigint): number | string {
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}
