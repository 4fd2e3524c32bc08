// Which configuration a request means that names none: the one called as the shim was. containerd runs
// `containerd-shim-NAME-v2` for the runtime type `io.containerd.NAME.v2`. A handler that names it by ConfigPath
// cannot have user namespaces: for those the CRI plugin (containerd 2.0.3 to 2.4) takes any options for runc's.
import { dirname, join } from "node:path";
import { defaultConfigPath } from "../host/config-files.ts";

/** Empty for the default. The variables: the file, the shim's name, the directory of the files. */
export function configPathOf(environment: Readonly<Record<string, string | undefined>>): string {
  const { KATA_CVM_CONFIG, KATA_CVM_SHIM = "", KATA_CVM_CONFIG_DIR = dirname(defaultConfigPath) } = environment;
  if (KATA_CVM_CONFIG !== undefined) return KATA_CVM_CONFIG;
  const name = /^containerd-shim-([a-z0-9][a-z0-9-]*)-v[0-9]+$/.exec(KATA_CVM_SHIM)?.[1];
  return name === undefined ? "" : join(KATA_CVM_CONFIG_DIR, `${name}.toml`);
}
