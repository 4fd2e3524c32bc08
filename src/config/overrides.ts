// Pod annotations that change the configuration: Kata's names, only those that the operator
// allows, through the same checks as a file. Kata annotations that we do not know are left alone.
import { InvalidConfig } from "../lib/errors.ts";
import { assembleConfig, type GivenValue, type LoadedConfig } from "./parse.ts";
import { camel, keys, type overridable } from "./schema.ts";

const hypervisor = "io.katacontainers.config.hypervisor.";
const runtime = "io.katacontainers.config.runtime.";

/** base64(gzip(TOML)); read by plan/initdata.ts, so not a configuration key. */
export const initdataAnnotation = `${hypervisor}cc_init_data`;

/** Kata's way to a policy without initdata. Nothing binds a guest to it, so nobody could rely on it. */
const policyAnnotation = "io.katacontainers.config.agent.policy";

type Overridable = (typeof overridable)[number];

const annotationOf: Readonly<Record<Overridable, { readonly name: string; readonly key?: string }>> = {
  default_vcpus: { name: `${hypervisor}default_vcpus`, key: "vm.default_vcpus" },
  default_memory: { name: `${hypervisor}default_memory`, key: "vm.default_memory" },
  kernel_params: { name: `${hypervisor}kernel_params`, key: "vm.kernel_params" },
  cc_init_data: { name: initdataAnnotation },
  create_container_timeout: {
    name: `${runtime}create_container_timeout`,
    key: "agent.create_container_timeout",
  },
  emptydir_mode: { name: `${runtime}emptydir_mode`, key: "volumes.emptydir_mode" },
};

/** Throws InvalidConfig for a forbidden or wrong annotation; its `file` is then `annotation`. */
export function applyOverrides(loaded: LoadedConfig, annotations: Readonly<Record<string, string>>): LoadedConfig {
  const entries = Object.entries(annotationOf) as [Overridable, { name: string; key?: string }][];
  const named = entries.filter(([, { name }]) => Object.hasOwn(annotations, name));
  const forbidden = named.filter(([word]) => !loaded.config.annotations.allow.includes(word));
  if (Object.hasOwn(annotations, policyAnnotation)) {
    const reason = "is not sent; put policy.rego into the initdata, and an agent that enforces it into the image";
    throw new InvalidConfig([{ file: "annotation", key: policyAnnotation, reason }]);
  }
  if (forbidden.length > 0) {
    throw new InvalidConfig(
      forbidden.map(([word, { name }]) => ({
        file: "annotation",
        key: name,
        reason: `is not allowed; the operator may add "${word}" to annotations.allow`,
      })),
    );
  }
  const changes = named.filter(([, { key }]) => key !== undefined);
  if (changes.length === 0) return loaded;
  const given = givenOf(loaded);
  for (const [, { name, key = "" }] of changes) {
    const value = keys.get(key)?.kind.fromText(annotations[name] ?? "");
    given.set(key, { value, origin: { file: `annotation ${name}` } });
  }
  return assembleConfig(given);
}

function givenOf({ config, origins }: LoadedConfig): Map<string, GivenValue> {
  const sections = config as unknown as Record<string, Record<string, unknown>>;
  const given = new Map<string, GivenValue>();
  for (const [id, origin] of origins) {
    const [section = "", name = ""] = id.split(".");
    if (origin.file !== "default") given.set(id, { value: sections[section]?.[camel(name)], origin });
  }
  return given;
}
