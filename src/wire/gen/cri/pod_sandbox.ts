// Generated from protos/cri/pod_sandbox.proto by `npm run gen`; do not edit.
import { bits64, message, readEntry, readInt64, readMessage, type MessageType, writeMessage } from "../../message.ts";

export const NamespaceMode = { POD: 0, CONTAINER: 1, NODE: 2, TARGET: 3 } as const;
/** Open: a newer peer may send other numbers. */
export type NamespaceMode = number;

export interface PodSandboxConfig {
  hostname: string;
  dns_config?: DNSConfig | undefined;
  annotations: Record<string, string>;
  linux?: LinuxPodSandboxConfig | undefined;
}
export const PodSandboxConfig: MessageType<PodSandboxConfig> = message<PodSandboxConfig>({
  name: "runtime.v1.PodSandboxConfig",
  empty: () => ({ hostname: "", annotations: {} }),
  write(init, writer) {
    if (init.hostname) writer.uint32(18).string(init.hostname);
    if (init.dns_config !== undefined) writeMessage(DNSConfig, init.dns_config, writer.uint32(34));
    for (const [key, value] of Object.entries(init.annotations ?? {})) writer.uint32(58).fork().uint32(10).string(key).uint32(18).string(value ?? "").ldelim();
    if (init.linux !== undefined) writeMessage(LinuxPodSandboxConfig, init.linux, writer.uint32(66));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 18:
        message.hostname = reader.stringVerify();
        return;
      case 34:
        message.dns_config = readMessage(DNSConfig, reader);
        return;
      case 58:
        readEntry(message.annotations, "", { reader, value: () => reader.stringVerify() });
        return;
      case 66:
        message.linux = readMessage(LinuxPodSandboxConfig, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface DNSConfig {
  servers: string[];
  searches: string[];
  options: string[];
}
export const DNSConfig: MessageType<DNSConfig> = message<DNSConfig>({
  name: "runtime.v1.DNSConfig",
  empty: () => ({ servers: [], searches: [], options: [] }),
  write(init, writer) {
    for (const item of init.servers ?? []) writer.uint32(10).string(item);
    for (const item of init.searches ?? []) writer.uint32(18).string(item);
    for (const item of init.options ?? []) writer.uint32(26).string(item);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.servers.push(reader.stringVerify());
        return;
      case 18:
        message.searches.push(reader.stringVerify());
        return;
      case 26:
        message.options.push(reader.stringVerify());
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxPodSandboxConfig {
  cgroup_parent: string;
  security_context?: LinuxSandboxSecurityContext | undefined;
  sysctls: Record<string, string>;
  resources?: LinuxContainerResources | undefined;
}
export const LinuxPodSandboxConfig: MessageType<LinuxPodSandboxConfig> = message<LinuxPodSandboxConfig>({
  name: "runtime.v1.LinuxPodSandboxConfig",
  empty: () => ({ cgroup_parent: "", sysctls: {} }),
  write(init, writer) {
    if (init.cgroup_parent) writer.uint32(10).string(init.cgroup_parent);
    if (init.security_context !== undefined) writeMessage(LinuxSandboxSecurityContext, init.security_context, writer.uint32(18));
    for (const [key, value] of Object.entries(init.sysctls ?? {})) writer.uint32(26).fork().uint32(10).string(key).uint32(18).string(value ?? "").ldelim();
    if (init.resources !== undefined) writeMessage(LinuxContainerResources, init.resources, writer.uint32(42));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.cgroup_parent = reader.stringVerify();
        return;
      case 18:
        message.security_context = readMessage(LinuxSandboxSecurityContext, reader);
        return;
      case 26:
        readEntry(message.sysctls, "", { reader, value: () => reader.stringVerify() });
        return;
      case 42:
        message.resources = readMessage(LinuxContainerResources, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxSandboxSecurityContext {
  namespace_options?: NamespaceOption | undefined;
}
export const LinuxSandboxSecurityContext: MessageType<LinuxSandboxSecurityContext> = message<LinuxSandboxSecurityContext>({
  name: "runtime.v1.LinuxSandboxSecurityContext",
  empty: () => ({  }),
  write(init, writer) {
    if (init.namespace_options !== undefined) writeMessage(NamespaceOption, init.namespace_options, writer.uint32(10));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.namespace_options = readMessage(NamespaceOption, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface NamespaceOption {
  network: NamespaceMode;
  pid: NamespaceMode;
  ipc: NamespaceMode;
  userns_options?: UserNamespace | undefined;
}
export const NamespaceOption: MessageType<NamespaceOption> = message<NamespaceOption>({
  name: "runtime.v1.NamespaceOption",
  empty: () => ({ network: 0, pid: 0, ipc: 0 }),
  write(init, writer) {
    if (init.network) writer.uint32(8).int32(init.network);
    if (init.pid) writer.uint32(16).int32(init.pid);
    if (init.ipc) writer.uint32(24).int32(init.ipc);
    if (init.userns_options !== undefined) writeMessage(UserNamespace, init.userns_options, writer.uint32(42));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.network = reader.int32();
        return;
      case 16:
        message.pid = reader.int32();
        return;
      case 24:
        message.ipc = reader.int32();
        return;
      case 42:
        message.userns_options = readMessage(UserNamespace, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface UserNamespace {
  mode: NamespaceMode;
}
export const UserNamespace: MessageType<UserNamespace> = message<UserNamespace>({
  name: "runtime.v1.UserNamespace",
  empty: () => ({ mode: 0 }),
  write(init, writer) {
    if (init.mode) writer.uint32(8).int32(init.mode);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.mode = reader.int32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxContainerResources {
  cpu_period: bigint;
  cpu_quota: bigint;
  cpu_shares: bigint;
  memory_limit_in_bytes: bigint;
}
export const LinuxContainerResources: MessageType<LinuxContainerResources> = message<LinuxContainerResources>({
  name: "runtime.v1.LinuxContainerResources",
  empty: () => ({ cpu_period: 0n, cpu_quota: 0n, cpu_shares: 0n, memory_limit_in_bytes: 0n }),
  write(init, writer) {
    if (init.cpu_period) writer.uint32(8).int64(bits64(init.cpu_period));
    if (init.cpu_quota) writer.uint32(16).int64(bits64(init.cpu_quota));
    if (init.cpu_shares) writer.uint32(24).int64(bits64(init.cpu_shares));
    if (init.memory_limit_in_bytes) writer.uint32(32).int64(bits64(init.memory_limit_in_bytes));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.cpu_period = readInt64(reader);
        return;
      case 16:
        message.cpu_quota = readInt64(reader);
        return;
      case 24:
        message.cpu_shares = readInt64(reader);
        return;
      case 32:
        message.memory_limit_in_bytes = readInt64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});
