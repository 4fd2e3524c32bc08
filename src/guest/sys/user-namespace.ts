// The user namespace that the containers of a pod share, with the ipc and uts namespaces that it owns: root
// of the one has power over the others (user_namespaces(7)). Only a process of a single thread may make
// one, so a helper does; its maps are written from outside, where any id may be mapped; and it may go
// once our descriptors hold what it made.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { withDeadline } from "../../lib/deadline.ts";
import { HostCommandFailed, InvalidRequest } from "../../lib/errors.ts";
import { Tail } from "../../lib/tail.ts";
import type { IdMapping } from "../../oci/types.ts";
import { leaveToLibuv } from "./children.ts";
import { type SandboxNamespaces, setHostnameIn } from "./namespaces.ts";

interface IdMappings {
  readonly uids: readonly IdMapping[];
  readonly gids: readonly IdMapping[];
}

const HELPER = ["unshare", "--user", "--ipc", "--uts", "cat"] as const;
const HELPER_LIMIT_MS = 20_000;

/** Lives as long as this process; the hostname is the one that its containers see. */
export async function makeUserNamespaces(mappings: IdMappings, hostname: string): Promise<SandboxNamespaces> {
  const [program, ...args] = HELPER;
  const helper = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  leaveToLibuv(helper);
  try {
    await withDeadline(untilItEchoes(helper), { operation: HELPER.join(" "), timeoutMs: HELPER_LIMIT_MS });
    writeMap(helper, "uid_map", mappings.uids);
    writeMap(helper, "gid_map", mappings.gids);
    return holdNamespaces(helper.pid, ({ uts }) => {
      setHostnameIn(uts, hostname);
      openNetwork(mappings);
    });
  } finally {
    helper.kill("SIGKILL");
  }
}

/** Those of a process, kept alive by descriptors of ours unless `prepare` fails. */
export function holdNamespaces(
  pid: number | undefined,
  prepare: (namespaces: SandboxNamespaces) => void,
): SandboxNamespaces {
  const held: number[] = [];
  const hold = (name: string) => {
    const fd = openSync(`/proc/${pid}/ns/${name}`, "r");
    held.push(fd);
    return `/proc/${process.pid}/fd/${fd}`;
  };
  try {
    const namespaces = { user: hold("user"), ipc: hold("ipc"), uts: hold("uts") };
    prepare(namespaces);
    return namespaces;
  } catch (error) {
    for (const fd of held) closeSync(fd);
    throw error;
  }
}

/** The network stays the guest's, where the pod's capabilities count for nothing: low ports and ping sockets need none. */
function openNetwork({ gids }: IdMappings): void {
  const { hostID = 0, size = 1 } = gids[0] ?? {};
  writeFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
  writeFileSync("/proc/sys/net/ipv4/ping_group_range", `${hostID} ${hostID + size - 1}`);
}

/** What it echoes it read after it had left our namespaces. */
async function untilItEchoes(helper: ChildProcess): Promise<void> {
  const said = new Tail();
  helper.stderr?.on("data", (chunk: Buffer) => said.push(chunk));
  // a helper that is gone already cannot be written to; its end tells more
  helper.stdin?.on("error", () => undefined);
  helper.stdin?.write("\n");
  const ended = new Promise<never>((_, reject) => {
    helper.once("error", (cause) =>
      reject(new HostCommandFailed(HELPER[0], { exitCode: null, stderr: cause.message, cause })),
    );
    helper.once("close", (exitCode, signal) =>
      reject(new HostCommandFailed(HELPER[0], { exitCode, signal, stderr: said.text() })),
    );
  });
  ended.catch(() => undefined);
  await Promise.race([once(helper.stdout ?? helper, "data"), ended]);
}

function writeMap(helper: ChildProcess, file: "uid_map" | "gid_map", mappings: readonly IdMapping[]): void {
  const lines = mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`);
  try {
    writeFileSync(`/proc/${helper.pid}/${file}`, lines.join(""));
  } catch (cause) {
    const field = file === "uid_map" ? "OCI.Linux.UIDMappings" : "OCI.Linux.GIDMappings";
    throw new InvalidRequest(field, `EINVAL: the kernel refuses ${JSON.stringify(lines.join("").trim())}`, { cause });
  }
}
