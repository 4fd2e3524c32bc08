// Generated from protos/kata/oci.proto by `npm run gen`; do not edit.
import { bits64, message, readEntry, readInt64, readMessage, readPacked, readUint64, type MessageType, writeMessage } from "../../message.ts";

export interface Spec {
  Version: string;
  Process?: Process | undefined;
  Root?: Root | undefined;
  Hostname: string;
  Mounts: Mount[];
  Hooks?: Hooks | undefined;
  Annotations: Record<string, string>;
  Linux?: Linux | undefined;
  Solaris?: Solaris | undefined;
  Windows?: Windows | undefined;
}
export const Spec: MessageType<Spec> = message<Spec>({
  name: "grpc.Spec",
  empty: () => ({ Version: "", Hostname: "", Mounts: [], Annotations: {} }),
  write(init, writer) {
    if (init.Version) writer.uint32(10).string(init.Version);
    if (init.Process !== undefined) writeMessage(Process, init.Process, writer.uint32(18));
    if (init.Root !== undefined) writeMessage(Root, init.Root, writer.uint32(26));
    if (init.Hostname) writer.uint32(34).string(init.Hostname);
    for (const item of init.Mounts ?? []) writeMessage(Mount, item, writer.uint32(42));
    if (init.Hooks !== undefined) writeMessage(Hooks, init.Hooks, writer.uint32(50));
    for (const [key, value] of Object.entries(init.Annotations ?? {})) writer.uint32(58).fork().uint32(10).string(key).uint32(18).string(value ?? "").ldelim();
    if (init.Linux !== undefined) writeMessage(Linux, init.Linux, writer.uint32(66));
    if (init.Solaris !== undefined) writeMessage(Solaris, init.Solaris, writer.uint32(74));
    if (init.Windows !== undefined) writeMessage(Windows, init.Windows, writer.uint32(82));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Version = reader.stringVerify();
        return;
      case 18:
        message.Process = readMessage(Process, reader);
        return;
      case 26:
        message.Root = readMessage(Root, reader);
        return;
      case 34:
        message.Hostname = reader.stringVerify();
        return;
      case 42:
        message.Mounts.push(readMessage(Mount, reader));
        return;
      case 50:
        message.Hooks = readMessage(Hooks, reader);
        return;
      case 58:
        readEntry(message.Annotations, "", { reader, value: () => reader.stringVerify() });
        return;
      case 66:
        message.Linux = readMessage(Linux, reader);
        return;
      case 74:
        message.Solaris = readMessage(Solaris, reader);
        return;
      case 82:
        message.Windows = readMessage(Windows, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Process {
  Terminal: boolean;
  ConsoleSize?: Box | undefined;
  User?: User | undefined;
  Args: string[];
  Env: string[];
  Cwd: string;
  Capabilities?: LinuxCapabilities | undefined;
  Rlimits: POSIXRlimit[];
  NoNewPrivileges: boolean;
  ApparmorProfile: string;
  OOMScoreAdj: bigint;
  SelinuxLabel: string;
}
export const Process: MessageType<Process> = message<Process>({
  name: "grpc.Process",
  empty: () => ({ Terminal: false, Args: [], Env: [], Cwd: "", Rlimits: [], NoNewPrivileges: false, ApparmorProfile: "", OOMScoreAdj: 0n, SelinuxLabel: "" }),
  write(init, writer) {
    if (init.Terminal) writer.uint32(8).bool(init.Terminal);
    if (init.ConsoleSize !== undefined) writeMessage(Box, init.ConsoleSize, writer.uint32(18));
    if (init.User !== undefined) writeMessage(User, init.User, writer.uint32(26));
    for (const item of init.Args ?? []) writer.uint32(34).string(item);
    for (const item of init.Env ?? []) writer.uint32(42).string(item);
    if (init.Cwd) writer.uint32(50).string(init.Cwd);
    if (init.Capabilities !== undefined) writeMessage(LinuxCapabilities, init.Capabilities, writer.uint32(58));
    for (const item of init.Rlimits ?? []) writeMessage(POSIXRlimit, item, writer.uint32(66));
    if (init.NoNewPrivileges) writer.uint32(72).bool(init.NoNewPrivileges);
    if (init.ApparmorProfile) writer.uint32(82).string(init.ApparmorProfile);
    if (init.OOMScoreAdj) writer.uint32(88).int64(bits64(init.OOMScoreAdj));
    if (init.SelinuxLabel) writer.uint32(98).string(init.SelinuxLabel);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.Terminal = reader.bool();
        return;
      case 18:
        message.ConsoleSize = readMessage(Box, reader);
        return;
      case 26:
        message.User = readMessage(User, reader);
        return;
      case 34:
        message.Args.push(reader.stringVerify());
        return;
      case 42:
        message.Env.push(reader.stringVerify());
        return;
      case 50:
        message.Cwd = reader.stringVerify();
        return;
      case 58:
        message.Capabilities = readMessage(LinuxCapabilities, reader);
        return;
      case 66:
        message.Rlimits.push(readMessage(POSIXRlimit, reader));
        return;
      case 72:
        message.NoNewPrivileges = reader.bool();
        return;
      case 82:
        message.ApparmorProfile = reader.stringVerify();
        return;
      case 88:
        message.OOMScoreAdj = readInt64(reader);
        return;
      case 98:
        message.SelinuxLabel = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Box {
  Height: number;
  Width: number;
}
export const Box: MessageType<Box> = message<Box>({
  name: "grpc.Box",
  empty: () => ({ Height: 0, Width: 0 }),
  write(init, writer) {
    if (init.Height) writer.uint32(8).uint32(init.Height);
    if (init.Width) writer.uint32(16).uint32(init.Width);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.Height = reader.uint32();
        return;
      case 16:
        message.Width = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface User {
  UID: number;
  GID: number;
  AdditionalGids: number[];
  Username: string;
}
export const User: MessageType<User> = message<User>({
  name: "grpc.User",
  empty: () => ({ UID: 0, GID: 0, AdditionalGids: [], Username: "" }),
  write(init, writer) {
    if (init.UID) writer.uint32(8).uint32(init.UID);
    if (init.GID) writer.uint32(16).uint32(init.GID);
    if (init.AdditionalGids?.length) {
      writer.uint32(26).fork();
      for (const item of init.AdditionalGids) writer.uint32(item);
      writer.ldelim();
    }
    if (init.Username) writer.uint32(34).string(init.Username);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.UID = reader.uint32();
        return;
      case 16:
        message.GID = reader.uint32();
        return;
      case 26:
        readPacked(reader, () => message.AdditionalGids.push(reader.uint32()));
        return;
      case 24:
        message.AdditionalGids.push(reader.uint32());
        return;
      case 34:
        message.Username = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxCapabilities {
  Bounding: string[];
  Effective: string[];
  Inheritable: string[];
  Permitted: string[];
  Ambient: string[];
}
export const LinuxCapabilities: MessageType<LinuxCapabilities> = message<LinuxCapabilities>({
  name: "grpc.LinuxCapabilities",
  empty: () => ({ Bounding: [], Effective: [], Inheritable: [], Permitted: [], Ambient: [] }),
  write(init, writer) {
    for (const item of init.Bounding ?? []) writer.uint32(10).string(item);
    for (const item of init.Effective ?? []) writer.uint32(18).string(item);
    for (const item of init.Inheritable ?? []) writer.uint32(26).string(item);
    for (const item of init.Permitted ?? []) writer.uint32(34).string(item);
    for (const item of init.Ambient ?? []) writer.uint32(42).string(item);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Bounding.push(reader.stringVerify());
        return;
      case 18:
        message.Effective.push(reader.stringVerify());
        return;
      case 26:
        message.Inheritable.push(reader.stringVerify());
        return;
      case 34:
        message.Permitted.push(reader.stringVerify());
        return;
      case 42:
        message.Ambient.push(reader.stringVerify());
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface POSIXRlimit {
  Type: string;
  Hard: bigint;
  Soft: bigint;
}
export const POSIXRlimit: MessageType<POSIXRlimit> = message<POSIXRlimit>({
  name: "grpc.POSIXRlimit",
  empty: () => ({ Type: "", Hard: 0n, Soft: 0n }),
  write(init, writer) {
    if (init.Type) writer.uint32(10).string(init.Type);
    if (init.Hard) writer.uint32(16).uint64(bits64(init.Hard));
    if (init.Soft) writer.uint32(24).uint64(bits64(init.Soft));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Type = reader.stringVerify();
        return;
      case 16:
        message.Hard = readUint64(reader);
        return;
      case 24:
        message.Soft = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Mount {
  destination: string;
  source: string;
  type: string;
  options: string[];
}
export const Mount: MessageType<Mount> = message<Mount>({
  name: "grpc.Mount",
  empty: () => ({ destination: "", source: "", type: "", options: [] }),
  write(init, writer) {
    if (init.destination) writer.uint32(10).string(init.destination);
    if (init.source) writer.uint32(18).string(init.source);
    if (init.type) writer.uint32(26).string(init.type);
    for (const item of init.options ?? []) writer.uint32(34).string(item);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.destination = reader.stringVerify();
        return;
      case 18:
        message.source = reader.stringVerify();
        return;
      case 26:
        message.type = reader.stringVerify();
        return;
      case 34:
        message.options.push(reader.stringVerify());
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Root {
  Path: string;
  Readonly: boolean;
}
export const Root: MessageType<Root> = message<Root>({
  name: "grpc.Root",
  empty: () => ({ Path: "", Readonly: false }),
  write(init, writer) {
    if (init.Path) writer.uint32(10).string(init.Path);
    if (init.Readonly) writer.uint32(16).bool(init.Readonly);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Path = reader.stringVerify();
        return;
      case 16:
        message.Readonly = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Hooks {
  Prestart: Hook[];
  Poststart: Hook[];
  Poststop: Hook[];
  CreateRuntime: Hook[];
  CreateContainer: Hook[];
  StartContainer: Hook[];
}
export const Hooks: MessageType<Hooks> = message<Hooks>({
  name: "grpc.Hooks",
  empty: () => ({ Prestart: [], Poststart: [], Poststop: [], CreateRuntime: [], CreateContainer: [], StartContainer: [] }),
  write(init, writer) {
    for (const item of init.Prestart ?? []) writeMessage(Hook, item, writer.uint32(10));
    for (const item of init.Poststart ?? []) writeMessage(Hook, item, writer.uint32(18));
    for (const item of init.Poststop ?? []) writeMessage(Hook, item, writer.uint32(26));
    for (const item of init.CreateRuntime ?? []) writeMessage(Hook, item, writer.uint32(34));
    for (const item of init.CreateContainer ?? []) writeMessage(Hook, item, writer.uint32(42));
    for (const item of init.StartContainer ?? []) writeMessage(Hook, item, writer.uint32(50));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Prestart.push(readMessage(Hook, reader));
        return;
      case 18:
        message.Poststart.push(readMessage(Hook, reader));
        return;
      case 26:
        message.Poststop.push(readMessage(Hook, reader));
        return;
      case 34:
        message.CreateRuntime.push(readMessage(Hook, reader));
        return;
      case 42:
        message.CreateContainer.push(readMessage(Hook, reader));
        return;
      case 50:
        message.StartContainer.push(readMessage(Hook, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Hook {
  Path: string;
  Args: string[];
  Env: string[];
  Timeout: bigint;
}
export const Hook: MessageType<Hook> = message<Hook>({
  name: "grpc.Hook",
  empty: () => ({ Path: "", Args: [], Env: [], Timeout: 0n }),
  write(init, writer) {
    if (init.Path) writer.uint32(10).string(init.Path);
    for (const item of init.Args ?? []) writer.uint32(18).string(item);
    for (const item of init.Env ?? []) writer.uint32(26).string(item);
    if (init.Timeout) writer.uint32(32).int64(bits64(init.Timeout));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Path = reader.stringVerify();
        return;
      case 18:
        message.Args.push(reader.stringVerify());
        return;
      case 26:
        message.Env.push(reader.stringVerify());
        return;
      case 32:
        message.Timeout = readInt64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Linux {
  UIDMappings: LinuxIDMapping[];
  GIDMappings: LinuxIDMapping[];
  Sysctl: Record<string, string>;
  Resources?: LinuxResources | undefined;
  CgroupsPath: string;
  Namespaces: LinuxNamespace[];
  Devices: LinuxDevice[];
  Seccomp?: LinuxSeccomp | undefined;
  RootfsPropagation: string;
  MaskedPaths: string[];
  ReadonlyPaths: string[];
  MountLabel: string;
  IntelRdt?: LinuxIntelRdt | undefined;
}
export const Linux: MessageType<Linux> = message<Linux>({
  name: "grpc.Linux",
  empty: () => ({ UIDMappings: [], GIDMappings: [], Sysctl: {}, CgroupsPath: "", Namespaces: [], Devices: [], RootfsPropagation: "", MaskedPaths: [], ReadonlyPaths: [], MountLabel: "" }),
  write(init, writer) {
    for (const item of init.UIDMappings ?? []) writeMessage(LinuxIDMapping, item, writer.uint32(10));
    for (const item of init.GIDMappings ?? []) writeMessage(LinuxIDMapping, item, writer.uint32(18));
    for (const [key, value] of Object.entries(init.Sysctl ?? {})) writer.uint32(26).fork().uint32(10).string(key).uint32(18).string(value ?? "").ldelim();
    if (init.Resources !== undefined) writeMessage(LinuxResources, init.Resources, writer.uint32(34));
    if (init.CgroupsPath) writer.uint32(42).string(init.CgroupsPath);
    for (const item of init.Namespaces ?? []) writeMessage(LinuxNamespace, item, writer.uint32(50));
    for (const item of init.Devices ?? []) writeMessage(LinuxDevice, item, writer.uint32(58));
    if (init.Seccomp !== undefined) writeMessage(LinuxSeccomp, init.Seccomp, writer.uint32(66));
    if (init.RootfsPropagation) writer.uint32(74).string(init.RootfsPropagation);
    for (const item of init.MaskedPaths ?? []) writer.uint32(82).string(item);
    for (const item of init.ReadonlyPaths ?? []) writer.uint32(90).string(item);
    if (init.MountLabel) writer.uint32(98).string(init.MountLabel);
    if (init.IntelRdt !== undefined) writeMessage(LinuxIntelRdt, init.IntelRdt, writer.uint32(106));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.UIDMappings.push(readMessage(LinuxIDMapping, reader));
        return;
      case 18:
        message.GIDMappings.push(readMessage(LinuxIDMapping, reader));
        return;
      case 26:
        readEntry(message.Sysctl, "", { reader, value: () => reader.stringVerify() });
        return;
      case 34:
        message.Resources = readMessage(LinuxResources, reader);
        return;
      case 42:
        message.CgroupsPath = reader.stringVerify();
        return;
      case 50:
        message.Namespaces.push(readMessage(LinuxNamespace, reader));
        return;
      case 58:
        message.Devices.push(readMessage(LinuxDevice, reader));
        return;
      case 66:
        message.Seccomp = readMessage(LinuxSeccomp, reader);
        return;
      case 74:
        message.RootfsPropagation = reader.stringVerify();
        return;
      case 82:
        message.MaskedPaths.push(reader.stringVerify());
        return;
      case 90:
        message.ReadonlyPaths.push(reader.stringVerify());
        return;
      case 98:
        message.MountLabel = reader.stringVerify();
        return;
      case 106:
        message.IntelRdt = readMessage(LinuxIntelRdt, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Windows {
  dummy: string;
}
export const Windows: MessageType<Windows> = message<Windows>({
  name: "grpc.Windows",
  empty: () => ({ dummy: "" }),
  write(init, writer) {
    if (init.dummy) writer.uint32(10).string(init.dummy);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.dummy = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Solaris {
  dummy: string;
}
export const Solaris: MessageType<Solaris> = message<Solaris>({
  name: "grpc.Solaris",
  empty: () => ({ dummy: "" }),
  write(init, writer) {
    if (init.dummy) writer.uint32(10).string(init.dummy);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.dummy = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxIDMapping {
  HostID: number;
  ContainerID: number;
  Size: number;
}
export const LinuxIDMapping: MessageType<LinuxIDMapping> = message<LinuxIDMapping>({
  name: "grpc.LinuxIDMapping",
  empty: () => ({ HostID: 0, ContainerID: 0, Size: 0 }),
  write(init, writer) {
    if (init.HostID) writer.uint32(8).uint32(init.HostID);
    if (init.ContainerID) writer.uint32(16).uint32(init.ContainerID);
    if (init.Size) writer.uint32(24).uint32(init.Size);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.HostID = reader.uint32();
        return;
      case 16:
        message.ContainerID = reader.uint32();
        return;
      case 24:
        message.Size = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxNamespace {
  Type: string;
  Path: string;
}
export const LinuxNamespace: MessageType<LinuxNamespace> = message<LinuxNamespace>({
  name: "grpc.LinuxNamespace",
  empty: () => ({ Type: "", Path: "" }),
  write(init, writer) {
    if (init.Type) writer.uint32(10).string(init.Type);
    if (init.Path) writer.uint32(18).string(init.Path);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Type = reader.stringVerify();
        return;
      case 18:
        message.Path = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxDevice {
  Path: string;
  Type: string;
  Major: bigint;
  Minor: bigint;
  FileMode: number;
  UID: number;
  GID: number;
}
export const LinuxDevice: MessageType<LinuxDevice> = message<LinuxDevice>({
  name: "grpc.LinuxDevice",
  empty: () => ({ Path: "", Type: "", Major: 0n, Minor: 0n, FileMode: 0, UID: 0, GID: 0 }),
  write(init, writer) {
    if (init.Path) writer.uint32(10).string(init.Path);
    if (init.Type) writer.uint32(18).string(init.Type);
    if (init.Major) writer.uint32(24).int64(bits64(init.Major));
    if (init.Minor) writer.uint32(32).int64(bits64(init.Minor));
    if (init.FileMode) writer.uint32(40).uint32(init.FileMode);
    if (init.UID) writer.uint32(48).uint32(init.UID);
    if (init.GID) writer.uint32(56).uint32(init.GID);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Path = reader.stringVerify();
        return;
      case 18:
        message.Type = reader.stringVerify();
        return;
      case 24:
        message.Major = readInt64(reader);
        return;
      case 32:
        message.Minor = readInt64(reader);
        return;
      case 40:
        message.FileMode = reader.uint32();
        return;
      case 48:
        message.UID = reader.uint32();
        return;
      case 56:
        message.GID = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxResources {
  Devices: LinuxDeviceCgroup[];
  Memory?: LinuxMemory | undefined;
  CPU?: LinuxCPU | undefined;
  Pids?: LinuxPids | undefined;
  BlockIO?: LinuxBlockIO | undefined;
  HugepageLimits: LinuxHugepageLimit[];
  Network?: LinuxNetwork | undefined;
}
export const LinuxResources: MessageType<LinuxResources> = message<LinuxResources>({
  name: "grpc.LinuxResources",
  empty: () => ({ Devices: [], HugepageLimits: [] }),
  write(init, writer) {
    for (const item of init.Devices ?? []) writeMessage(LinuxDeviceCgroup, item, writer.uint32(10));
    if (init.Memory !== undefined) writeMessage(LinuxMemory, init.Memory, writer.uint32(18));
    if (init.CPU !== undefined) writeMessage(LinuxCPU, init.CPU, writer.uint32(26));
    if (init.Pids !== undefined) writeMessage(LinuxPids, init.Pids, writer.uint32(34));
    if (init.BlockIO !== undefined) writeMessage(LinuxBlockIO, init.BlockIO, writer.uint32(42));
    for (const item of init.HugepageLimits ?? []) writeMessage(LinuxHugepageLimit, item, writer.uint32(50));
    if (init.Network !== undefined) writeMessage(LinuxNetwork, init.Network, writer.uint32(58));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Devices.push(readMessage(LinuxDeviceCgroup, reader));
        return;
      case 18:
        message.Memory = readMessage(LinuxMemory, reader);
        return;
      case 26:
        message.CPU = readMessage(LinuxCPU, reader);
        return;
      case 34:
        message.Pids = readMessage(LinuxPids, reader);
        return;
      case 42:
        message.BlockIO = readMessage(LinuxBlockIO, reader);
        return;
      case 50:
        message.HugepageLimits.push(readMessage(LinuxHugepageLimit, reader));
        return;
      case 58:
        message.Network = readMessage(LinuxNetwork, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxMemory {
  Limit: bigint;
  Reservation: bigint;
  Swap: bigint;
  Kernel: bigint;
  KernelTCP: bigint;
  Swappiness: bigint;
  DisableOOMKiller: boolean;
}
export const LinuxMemory: MessageType<LinuxMemory> = message<LinuxMemory>({
  name: "grpc.LinuxMemory",
  empty: () => ({ Limit: 0n, Reservation: 0n, Swap: 0n, Kernel: 0n, KernelTCP: 0n, Swappiness: 0n, DisableOOMKiller: false }),
  write(init, writer) {
    if (init.Limit) writer.uint32(8).int64(bits64(init.Limit));
    if (init.Reservation) writer.uint32(16).int64(bits64(init.Reservation));
    if (init.Swap) writer.uint32(24).int64(bits64(init.Swap));
    if (init.Kernel) writer.uint32(32).int64(bits64(init.Kernel));
    if (init.KernelTCP) writer.uint32(40).int64(bits64(init.KernelTCP));
    if (init.Swappiness) writer.uint32(48).uint64(bits64(init.Swappiness));
    if (init.DisableOOMKiller) writer.uint32(56).bool(init.DisableOOMKiller);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.Limit = readInt64(reader);
        return;
      case 16:
        message.Reservation = readInt64(reader);
        return;
      case 24:
        message.Swap = readInt64(reader);
        return;
      case 32:
        message.Kernel = readInt64(reader);
        return;
      case 40:
        message.KernelTCP = readInt64(reader);
        return;
      case 48:
        message.Swappiness = readUint64(reader);
        return;
      case 56:
        message.DisableOOMKiller = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxCPU {
  Shares: bigint;
  Quota: bigint;
  Period: bigint;
  RealtimeRuntime: bigint;
  RealtimePeriod: bigint;
  Cpus: string;
  Mems: string;
}
export const LinuxCPU: MessageType<LinuxCPU> = message<LinuxCPU>({
  name: "grpc.LinuxCPU",
  empty: () => ({ Shares: 0n, Quota: 0n, Period: 0n, RealtimeRuntime: 0n, RealtimePeriod: 0n, Cpus: "", Mems: "" }),
  write(init, writer) {
    if (init.Shares) writer.uint32(8).uint64(bits64(init.Shares));
    if (init.Quota) writer.uint32(16).int64(bits64(init.Quota));
    if (init.Period) writer.uint32(24).uint64(bits64(init.Period));
    if (init.RealtimeRuntime) writer.uint32(32).int64(bits64(init.RealtimeRuntime));
    if (init.RealtimePeriod) writer.uint32(40).uint64(bits64(init.RealtimePeriod));
    if (init.Cpus) writer.uint32(50).string(init.Cpus);
    if (init.Mems) writer.uint32(58).string(init.Mems);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.Shares = readUint64(reader);
        return;
      case 16:
        message.Quota = readInt64(reader);
        return;
      case 24:
        message.Period = readUint64(reader);
        return;
      case 32:
        message.RealtimeRuntime = readInt64(reader);
        return;
      case 40:
        message.RealtimePeriod = readUint64(reader);
        return;
      case 50:
        message.Cpus = reader.stringVerify();
        return;
      case 58:
        message.Mems = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxWeightDevice {
  Major: bigint;
  Minor: bigint;
  Weight: number;
  LeafWeight: number;
}
export const LinuxWeightDevice: MessageType<LinuxWeightDevice> = message<LinuxWeightDevice>({
  name: "grpc.LinuxWeightDevice",
  empty: () => ({ Major: 0n, Minor: 0n, Weight: 0, LeafWeight: 0 }),
  write(init, writer) {
    if (init.Major) writer.uint32(8).int64(bits64(init.Major));
    if (init.Minor) writer.uint32(16).int64(bits64(init.Minor));
    if (init.Weight) writer.uint32(24).uint32(init.Weight);
    if (init.LeafWeight) writer.uint32(32).uint32(init.LeafWeight);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.Major = readInt64(reader);
        return;
      case 16:
        message.Minor = readInt64(reader);
        return;
      case 24:
        message.Weight = reader.uint32();
        return;
      case 32:
        message.LeafWeight = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxThrottleDevice {
  Major: bigint;
  Minor: bigint;
  Rate: bigint;
}
export const LinuxThrottleDevice: MessageType<LinuxThrottleDevice> = message<LinuxThrottleDevice>({
  name: "grpc.LinuxThrottleDevice",
  empty: () => ({ Major: 0n, Minor: 0n, Rate: 0n }),
  write(init, writer) {
    if (init.Major) writer.uint32(8).int64(bits64(init.Major));
    if (init.Minor) writer.uint32(16).int64(bits64(init.Minor));
    if (init.Rate) writer.uint32(24).uint64(bits64(init.Rate));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.Major = readInt64(reader);
        return;
      case 16:
        message.Minor = readInt64(reader);
        return;
      case 24:
        message.Rate = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxBlockIO {
  Weight: number;
  LeafWeight: number;
  WeightDevice: LinuxWeightDevice[];
  ThrottleReadBpsDevice: LinuxThrottleDevice[];
  ThrottleWriteBpsDevice: LinuxThrottleDevice[];
  ThrottleReadIOPSDevice: LinuxThrottleDevice[];
  ThrottleWriteIOPSDevice: LinuxThrottleDevice[];
}
export const LinuxBlockIO: MessageType<LinuxBlockIO> = message<LinuxBlockIO>({
  name: "grpc.LinuxBlockIO",
  empty: () => ({ Weight: 0, LeafWeight: 0, WeightDevice: [], ThrottleReadBpsDevice: [], ThrottleWriteBpsDevice: [], ThrottleReadIOPSDevice: [], ThrottleWriteIOPSDevice: [] }),
  write(init, writer) {
    if (init.Weight) writer.uint32(8).uint32(init.Weight);
    if (init.LeafWeight) writer.uint32(16).uint32(init.LeafWeight);
    for (const item of init.WeightDevice ?? []) writeMessage(LinuxWeightDevice, item, writer.uint32(26));
    for (const item of init.ThrottleReadBpsDevice ?? []) writeMessage(LinuxThrottleDevice, item, writer.uint32(34));
    for (const item of init.ThrottleWriteBpsDevice ?? []) writeMessage(LinuxThrottleDevice, item, writer.uint32(42));
    for (const item of init.ThrottleReadIOPSDevice ?? []) writeMessage(LinuxThrottleDevice, item, writer.uint32(50));
    for (const item of init.ThrottleWriteIOPSDevice ?? []) writeMessage(LinuxThrottleDevice, item, writer.uint32(58));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.Weight = reader.uint32();
        return;
      case 16:
        message.LeafWeight = reader.uint32();
        return;
      case 26:
        message.WeightDevice.push(readMessage(LinuxWeightDevice, reader));
        return;
      case 34:
        message.ThrottleReadBpsDevice.push(readMessage(LinuxThrottleDevice, reader));
        return;
      case 42:
        message.ThrottleWriteBpsDevice.push(readMessage(LinuxThrottleDevice, reader));
        return;
      case 50:
        message.ThrottleReadIOPSDevice.push(readMessage(LinuxThrottleDevice, reader));
        return;
      case 58:
        message.ThrottleWriteIOPSDevice.push(readMessage(LinuxThrottleDevice, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxPids {
  Limit: bigint;
}
export const LinuxPids: MessageType<LinuxPids> = message<LinuxPids>({
  name: "grpc.LinuxPids",
  empty: () => ({ Limit: 0n }),
  write(init, writer) {
    if (init.Limit) writer.uint32(8).int64(bits64(init.Limit));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.Limit = readInt64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxDeviceCgroup {
  Allow: boolean;
  Type: string;
  Major: bigint;
  Minor: bigint;
  Access: string;
}
export const LinuxDeviceCgroup: MessageType<LinuxDeviceCgroup> = message<LinuxDeviceCgroup>({
  name: "grpc.LinuxDeviceCgroup",
  empty: () => ({ Allow: false, Type: "", Major: 0n, Minor: 0n, Access: "" }),
  write(init, writer) {
    if (init.Allow) writer.uint32(8).bool(init.Allow);
    if (init.Type) writer.uint32(18).string(init.Type);
    if (init.Major) writer.uint32(24).int64(bits64(init.Major));
    if (init.Minor) writer.uint32(32).int64(bits64(init.Minor));
    if (init.Access) writer.uint32(42).string(init.Access);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.Allow = reader.bool();
        return;
      case 18:
        message.Type = reader.stringVerify();
        return;
      case 24:
        message.Major = readInt64(reader);
        return;
      case 32:
        message.Minor = readInt64(reader);
        return;
      case 42:
        message.Access = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxNetwork {
  ClassID: number;
  Priorities: LinuxInterfacePriority[];
}
export const LinuxNetwork: MessageType<LinuxNetwork> = message<LinuxNetwork>({
  name: "grpc.LinuxNetwork",
  empty: () => ({ ClassID: 0, Priorities: [] }),
  write(init, writer) {
    if (init.ClassID) writer.uint32(8).uint32(init.ClassID);
    for (const item of init.Priorities ?? []) writeMessage(LinuxInterfacePriority, item, writer.uint32(18));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.ClassID = reader.uint32();
        return;
      case 18:
        message.Priorities.push(readMessage(LinuxInterfacePriority, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxHugepageLimit {
  Pagesize: string;
  Limit: bigint;
}
export const LinuxHugepageLimit: MessageType<LinuxHugepageLimit> = message<LinuxHugepageLimit>({
  name: "grpc.LinuxHugepageLimit",
  empty: () => ({ Pagesize: "", Limit: 0n }),
  write(init, writer) {
    if (init.Pagesize) writer.uint32(10).string(init.Pagesize);
    if (init.Limit) writer.uint32(16).uint64(bits64(init.Limit));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Pagesize = reader.stringVerify();
        return;
      case 16:
        message.Limit = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxInterfacePriority {
  Name: string;
  Priority: number;
}
export const LinuxInterfacePriority: MessageType<LinuxInterfacePriority> = message<LinuxInterfacePriority>({
  name: "grpc.LinuxInterfacePriority",
  empty: () => ({ Name: "", Priority: 0 }),
  write(init, writer) {
    if (init.Name) writer.uint32(10).string(init.Name);
    if (init.Priority) writer.uint32(16).uint32(init.Priority);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Name = reader.stringVerify();
        return;
      case 16:
        message.Priority = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxSeccomp {
  DefaultAction: string;
  Architectures: string[];
  Flags: string[];
  Syscalls: LinuxSyscall[];
}
export const LinuxSeccomp: MessageType<LinuxSeccomp> = message<LinuxSeccomp>({
  name: "grpc.LinuxSeccomp",
  empty: () => ({ DefaultAction: "", Architectures: [], Flags: [], Syscalls: [] }),
  write(init, writer) {
    if (init.DefaultAction) writer.uint32(10).string(init.DefaultAction);
    for (const item of init.Architectures ?? []) writer.uint32(18).string(item);
    for (const item of init.Flags ?? []) writer.uint32(26).string(item);
    for (const item of init.Syscalls ?? []) writeMessage(LinuxSyscall, item, writer.uint32(34));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.DefaultAction = reader.stringVerify();
        return;
      case 18:
        message.Architectures.push(reader.stringVerify());
        return;
      case 26:
        message.Flags.push(reader.stringVerify());
        return;
      case 34:
        message.Syscalls.push(readMessage(LinuxSyscall, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxSeccompArg {
  Index: bigint;
  Value: bigint;
  ValueTwo: bigint;
  Op: string;
}
export const LinuxSeccompArg: MessageType<LinuxSeccompArg> = message<LinuxSeccompArg>({
  name: "grpc.LinuxSeccompArg",
  empty: () => ({ Index: 0n, Value: 0n, ValueTwo: 0n, Op: "" }),
  write(init, writer) {
    if (init.Index) writer.uint32(8).uint64(bits64(init.Index));
    if (init.Value) writer.uint32(16).uint64(bits64(init.Value));
    if (init.ValueTwo) writer.uint32(24).uint64(bits64(init.ValueTwo));
    if (init.Op) writer.uint32(34).string(init.Op);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.Index = readUint64(reader);
        return;
      case 16:
        message.Value = readUint64(reader);
        return;
      case 24:
        message.ValueTwo = readUint64(reader);
        return;
      case 34:
        message.Op = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxSyscall {
  Names: string[];
  Action: string;
  errnoret?: number | undefined;
  Args: LinuxSeccompArg[];
}
export const LinuxSyscall: MessageType<LinuxSyscall> = message<LinuxSyscall>({
  name: "grpc.LinuxSyscall",
  empty: () => ({ Names: [], Action: "", Args: [] }),
  write(init, writer) {
    for (const item of init.Names ?? []) writer.uint32(10).string(item);
    if (init.Action) writer.uint32(18).string(init.Action);
    if (init.errnoret !== undefined) writer.uint32(24).uint32(init.errnoret);
    for (const item of init.Args ?? []) writeMessage(LinuxSeccompArg, item, writer.uint32(34));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Names.push(reader.stringVerify());
        return;
      case 18:
        message.Action = reader.stringVerify();
        return;
      case 24:
        message.errnoret = reader.uint32();
        return;
      case 34:
        message.Args.push(readMessage(LinuxSeccompArg, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface LinuxIntelRdt {
  L3CacheSchema: string;
}
export const LinuxIntelRdt: MessageType<LinuxIntelRdt> = message<LinuxIntelRdt>({
  name: "grpc.LinuxIntelRdt",
  empty: () => ({ L3CacheSchema: "" }),
  write(init, writer) {
    if (init.L3CacheSchema) writer.uint32(10).string(init.L3CacheSchema);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.L3CacheSchema = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});
