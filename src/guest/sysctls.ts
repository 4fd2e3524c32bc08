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
  const entries = Object.entries(sysctls);
  for (const [name] of entries) {
    if (!ALLOWED.test(name) || name.includes("..")) {
      throw new InvalidRequest("Linux.Sysctl", `${JSON.stringify(name.slice(0, 80))} may not be set`);
    }
  }
  if (entries.length === 0) return;
  const isOwned = ([name]: [string, string]) => namespaces?.user !== undefined && IPC.test(name);
  for (const [name, value] of entries.filter(isOwned)) await writeAsOwner(sysctlPath(name), value, namespaces);
  inNamespaces(namespaces, () => {
    for (const [name, value] of entries.filter((entry) => !isOwned(entry))) writeFileSync(sysctlPath(name), value);
  });
}

/** Those of an ipc namespace obey only the root of the user namespace that owns it (ipc_permissions in the kernel). */
async function writeAsOwner(path: string, value: string, namespaces: SandboxNamespaces | undefined): Promise<void> {
  const enter = [`--user=${namespaces?.user ?? ""}`, `--ipc=${namespaces?.ipc ?? ""}`];
  const write = ["sh", "-c", 'printf %s "$2" > "$1"', "sh", path, value];
  await runCommand("nsenter", [...enter, "--", ...write], { timeoutMs: WRITE_LIMIT_MS });
}

/** A dot separates directories unless the name is written with slashes, where it is part of one. */
function sysctlPath(name: string): string {
  return `/proc/sys/${name.includes("/") ? name : name.replaceAll(".", "/")}`;
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
