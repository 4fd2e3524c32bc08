// Name and version as containerd, `-v` and `-info` see them.
export const runtimeName = "io.containerd.kata-cvm.v2";
export const runtimeVersion = "0.1.0";
