// What a living process holds, as counted kinds, so that two moments can be compared line by line. By
// /proc, from outside: the process need not cooperate.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Lines such as `fd socket: 4`; sorted. */
export type Holdings = readonly string[];

export function holdingsOf(pid: number): Holdings {
  const fds = readdirSync(`/proc/${pid}/fd`).map((fd) => `fd ${kindOf(`/proc/${pid}/fd/${fd}`)}`);
  const tasks = readdirSync(`/proc/${pid}/task`);
  const children = tasks.flatMap((task) => words(`/proc/${pid}/task/${task}/children`));
  return count([...fds, ...tasks.map(() => "thread"), ...children.map(() => "child")]);
}

/** The same from names that repeat, such as process.getActiveResourcesInfo(). */
export function count(names: readonly string[]): Holdings {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, times]) => `${name}: ${times}`).sort();
}

export function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

/** `socket`, `anon_inode:[eventpoll]`, or the path, without the numbers that differ each time. */
function kindOf(link: string): string {
  try {
    return readlinkSync(link).replace(/^(socket|pipe):\[\d+\]$/, "$1");
  } catch {
    // closed while we looked
    return "closing";
  }
}

function words(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8")
      .split(" ")
      .filter((word) => word !== "");
  } catch {
    // a thread that has ended
    return [];
  }
}
