// Sysctls of a container. The runtime refuses those of namespaces that it did not make itself, and ours
// are shared: network sysctls belong to the guest, ipc and uts ones to the sandbox's namespaces.
import { closeSync, openSync, writeFileSync } from "node:fs";
import { InvalidRequest } from "../lib/errors.ts";
import { runCommand } from "./run-command.ts";
import { systemCall } from "./sys/libc.ts";
import type { SandboxNamespaces } from "./sys/namespaces.ts";

/** agent-protocol §6, spec validator */
const ALLOWED = /^(kernel\.(msgmax|msgmnb|msgmni|sem|shm[a-z_]*|domainname)|fs\.mqueue\.[a-z_]+|net\.[\w./-]+)$/;
const IPC = /^(kernel\.(msg|sem|shm)|fs\.mqueue\.)/;
const WRITE_LIMIT_MS = 10_000;

export async function applySysctls(
  sysctls: Readonly<Record<string, string>>,
  namespaces: SandboxNamespaces | undefined,
): Promise<void> {
  const settings = Object.entries(sysctls).map(([name, value]) => {
    const path = sysctlPath(name);
    if (path === undefined)
      throw new InvalidRequest("Linux.Sysctl", `${JSON.stringify(name.slice(0, 80))} may not be set`);
    return { path, value, isOwned: namespaces?.user !== undefined && IPC.test(name) };
  });
  if (settings.length === 0) return;
  for (const { path, value } of settings.filter((one) => one.isOwned)) await writeAsOwner(path, value, namespaces);
  inNamespaces(namespaces, () => {
    for (const { path, value } of settings.filter((one) => !one.isOwned)) writeFileSync(path, value);
  });
}

/** Those of an ipc namespace obey only the root of the user namespace that owns it (ipc_permissions in the kernel). */
async function writeAsOwner(path: string, value: string, namespaces: SandboxNamespaces | undefined): Promise<void> {
  const enter = [`--user=${namespaces?.user ?? ""}`, `--ipc=${namespaces?.ipc ?? ""}`];
  const write = ["sh", "-c", 'printf %s "$2" > "$1"', "sh", path, value];
  await runCommand("nsenter", [...enter, "--", ...write], { timeoutMs: WRITE_LIMIT_MS });
}

/** Behind a first dot, slashes stand for the dots of a name such as eth0.100 (sysctl.d(5)); undefined for what may not be set. */
export function sysctlPath(name: string): string | undefined {
  if (!ALLOWED.test(name)) return undefined;
  const path = name.replace(/[./]/g, (mark) => (mark === "." ? "/" : "."));
  return path.split("/").some((part) => part === "" || part === "." || part === "..") ? undefined : `/proc/sys/${path}`;
}

/** All within one turn of the main thread, which alone changes namespace. */
function inNamespaces(namespaces: SandboxNamespaces | undefined, work: () => void): void {
  if (namespaces === undefined) {
    work();
    return;
  }
  const own = ["ipc", "uts"].map((name) => openSync(`/proc/thread-self/ns/${name}`, "r"));
  const shared = [namespaces.ipc, namespaces.uts].map((path) => openSync(path, "r"));
  try {
    for (const fd of shared) systemCall("setns", "enter the sandbox's namespaces", [fd, 0]);
    work();
  } finally {
    for (const fd of own) systemCall("setns", "return to the agent's own namespace", [fd, 0]);
    for (const fd of [...own, ...shared]) closeSync(fd);
  }
}
