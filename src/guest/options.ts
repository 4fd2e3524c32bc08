// How the agent is told to run: its own arguments (tests), else the kernel command line, whose words
// are part of the launch measurement (agent-protocol §5.1).
import { InvalidConfig } from "../lib/errors.ts";

export type ListenAddress =
  | { readonly kind: "vsock"; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export interface AgentOptions {
  readonly listen: ListenAddress;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly hotplugLimitMs: number;
  readonly cgroupManager: "cgroupfs" | "disabled";
  /** what DestroySandbox ends with */
  readonly afterDestroy: "poweroff" | "exit";
  /** the command line opens these doors, whatever the guest runs on */
  readonly portForward: boolean;
  readonly exec: boolean;
}

/** agent-protocol §2.1 */
const DEFAULT_PORT = 1024;
const DEFAULT_HOTPLUG_SECONDS = 3;
const levels: Readonly<Record<string, AgentOptions["logLevel"]>> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warn: "warn",
  error: "error",
  critical: "error",
  fatal: "error",
  panic: "error",
};

/** Arguments: `--listen <address>`, `--cgroup-manager disabled`, `--after-destroy exit`. */
export function parseOptions(argv: readonly string[], kernelCommandLine: string): AgentOptions {
  const words = new Map(
    kernelCommandLine
      .trim()
      .split(/\s+/)
      .filter((word) => word.startsWith("agent."))
      .map((word): [string, string] => {
        const at = word.indexOf("=");
        return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)];
      }),
  );
  const own = parseArguments(argv);
  const address = own.get("--listen") ?? words.get("agent.server_addr");
  const seconds = Number(words.get("agent.hotplug_timeout") ?? 0);
  return {
    listen: address === undefined ? { kind: "vsock", port: DEFAULT_PORT } : parseAddress(address),
    logLevel: levels[words.get("agent.log") ?? "info"] ?? "info",
    hotplugLimitMs: (seconds > 0 ? seconds : DEFAULT_HOTPLUG_SECONDS) * 1000,
    cgroupManager: own.get("--cgroup-manager") === "disabled" ? "disabled" : "cgroupfs",
    portForward: words.get("agent.port_forward") === "",
    exec: words.get("agent.exec") === "",
    afterDestroy: own.get("--after-destroy") === "exit" ? "exit" : "poweroff",
  };
}

function parseArguments(argv: readonly string[]): Map<string, string> {
  const known = ["--listen", "--cgroup-manager", "--after-destroy"];
  const found = new Map<string, string>();
  for (let at = 0; at < argv.length; at += 2) {
    const name = argv[at] ?? "";
    const value = argv[at + 1];
    if (!known.includes(name) || value === undefined)
      throw wrong(name, "is not an argument of the agent, or has no value");
    found.set(name, value);
  }
  return found;
}

function parseAddress(text: string): ListenAddress {
  const vsock = /^vsock:\/\/[^:]+:(\d{1,10})$/.exec(text);
  if (vsock !== null) return { kind: "vsock", port: Number(vsock[1]) };
  const unix = /^unix:\/\/(.+)$/.exec(text)?.[1];
  if (unix === undefined) throw wrong("agent.server_addr", `${text} is neither vsock://CID:PORT nor unix://PATH`);
  return { kind: "unix", path: unix.startsWith("@") ? `\0${unix.slice(1)}` : unix };
}

function wrong(key: string, reason: string): InvalidConfig {
  return new InvalidConfig([{ file: "agent options", key, reason }]);
}
