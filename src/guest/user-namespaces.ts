// Which namespaces a container with a user namespace joins. A pod has one such namespace: the first container
// that asks has it made, and one that wants other ids is refused rather than run with those of the first.
import { InvalidRequest } from "../lib/errors.ts";
import type * as Wire from "../wire/gen/kata/oci.ts";
import { convertIdMapping } from "./spec.ts";
import type { SandboxNamespaces } from "./sys/namespaces.ts";
import { makeUserNamespaces } from "./sys/user-namespace.ts";

export class PodUserNamespace {
  readonly #make: typeof makeUserNamespaces;
  #held: { readonly ids: string; readonly namespaces: Promise<SandboxNamespaces> } | undefined;

  constructor(make = makeUserNamespaces) {
    this.#make = make;
  }

  /** Undefined for a container that stays in the guest's own user namespace. */
  async of(
    linux: Wire.Linux | undefined,
    pod: { readonly hostname: string; readonly hasContainers: boolean },
  ): Promise<SandboxNamespaces | undefined> {
    if (linux === undefined || !linux.Namespaces.some(({ Type }) => Type === "user")) return undefined;
    const mappings = { uids: linux.UIDMappings.map(convertIdMapping), gids: linux.GIDMappings.map(convertIdMapping) };
    const ids = JSON.stringify(mappings);
    if (this.#held === undefined && pod.hasContainers) {
      throw new InvalidRequest("OCI.Linux.Namespaces", "EINVAL: the pod's first container has no user namespace");
    }
    if (this.#held !== undefined && this.#held.ids !== ids) {
      throw new InvalidRequest("OCI.Linux.UIDMappings", `EINVAL: ${ids} differ from the pod's ${this.#held.ids}`);
    }
    this.#held ??= { ids, namespaces: this.#make(mappings, pod.hostname) };
    try {
      return await this.#held.namespaces;
    } catch (error) {
      this.#held = undefined;
      throw error;
    }
  }
}
