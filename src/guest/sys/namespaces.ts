// The sandbox-wide ipc and uts namespaces, kept alive by bind mounts (agent-protocol §4.9).
// unshare(2) changes the calling thread only, and all of this runs in one turn of the main thread,
// so the agent is back in its own namespaces before anything else happens.
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemCall } from "./libc.ts";
import { MS, mount, unmount } from "./mounts.ts";

const CLONE_NEWUTS = 0x04000000;
const CLONE_NEWIPC = 0x08000000;
const HOSTNAME_MAX = 64;

export interface SandboxNamespaces {
  /** path to hand to the runtime */
  readonly ipc: string;
  readonly uts: string;
  /** the one that owns both, where it is not the guest's */
  readonly user?: string;
}

/** Makes both namespaces anew below `directory`; the hostname is cut to what the kernel takes. */
export function makeSandboxNamespaces(directory: string, hostname: string): SandboxNamespaces {
  const paths = { ipc: join(directory, "ipc"), uts: join(directory, "uts") };
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  for (const path of [paths.ipc, paths.uts]) {
    unmount(path);
    writeFileSync(path, "");
  }
  const own = ["ipc", "uts"].map((name) => openSync(`/proc/thread-self/ns/${name}`, "r"));
  try {
    systemCall("unshare", "unshare(ipc, uts)", [CLONE_NEWIPC | CLONE_NEWUTS]);
    setHostname(hostname);
    for (const name of ["ipc", "uts"] as const) {
      mount({ source: `/proc/thread-self/ns/${name}`, target: paths[name], fstype: "", flags: MS.BIND, data: "" });
    }
  } finally {
    for (const fd of own) {
      systemCall("setns", "return to the agent's own namespace", [fd, 0]);
      closeSync(fd);
    }
  }
  return paths;
}

/** For a namespace that the agent itself is not in. */
export function setHostnameIn(utsNamespace: string, hostname: string): void {
  const own = openSync("/proc/thread-self/ns/uts", "r");
  try {
    enter(utsNamespace);
    setHostname(hostname);
  } finally {
    try {
      systemCall("setns", "return to the agent's own namespace", [own, 0]);
    } finally {
      closeSync(own);
    }
  }
}

function enter(utsNamespace: string): void {
  const target = openSync(utsNamespace, "r");
  try {
    systemCall("setns", "enter the uts namespace", [target, 0]);
  } finally {
    closeSync(target);
  }
}

function setHostname(hostname: string): void {
  const bytes = Buffer.from(hostname, "utf8").subarray(0, HOSTNAME_MAX).toString("utf8");
  if (bytes !== "") systemCall("sethostname", `sethostname(${bytes})`, [bytes, Buffer.byteLength(bytes)]);
}
