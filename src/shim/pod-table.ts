// The pods of this daemon and which of them holds a container. Usually one pod; nothing here or
// below assumes it.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  AlreadyExists,
  Cancelled,
  errnoOf,
  errorText,
  HostCallFailed,
  InvalidRequest,
  NotFound,
} from "../lib/errors.ts";
import { readSandboxRole, type SandboxRole } from "../oci/cri-annotations.ts";
import { parseIdentifier } from "../oci/identifiers.ts";
import { parseSpec, requireContainerSpec } from "../oci/parse-spec.ts";
import type { ContainerSpec, Process } from "../oci/types.ts";
import type { Container } from "../pod/container.ts";
import type { Pod } from "../pod/pod.ts";
import type { RootfsMount, StdioPaths } from "../pod/ports.ts";

export interface ContainerRequest {
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: readonly RootfsMount[];
  readonly stdio: StdioPaths;
  readonly configPath: string;
  /** aborts once nobody waits for the answer */
  readonly signal: AbortSignal;
}

export class PodTable {
  readonly #makePod: (podId: string, bundle: string) => Pod;
  readonly #pods = new Map<string, Pod>();
  readonly #creating = new Map<string, AbortController>();
  /** pods of the Sandbox API: they are there without a container */
  readonly #sandboxes = new Set<string>();

  constructor(makePod: (podId: string, bundle: string) => Pod) {
    this.#makePod = makePod;
  }

  get pods(): readonly Pod[] {
    return [...this.#pods.values()];
  }

  /** true while any sandbox or container exists or is being made */
  get busy(): boolean {
    return this.#sandboxes.size > 0 || this.pods.some((pod) => !pod.idle);
  }

  /** true while containerd knows anything here that it has not deleted */
  get isHeld(): boolean {
    return this.#sandboxes.size > 0 || this.pods.some((pod) => pod.containerIds.length > 0);
  }

  addSandbox(id: string, bundle: string): Pod {
    if (this.#pods.has(id)) throw new AlreadyExists("pod", id);
    const pod = this.#makePod(id, bundle);
    this.#pods.set(id, pod);
    this.#sandboxes.add(id);
    return pod;
  }

  removeSandbox(id: string): void {
    this.#sandboxes.delete(id);
  }

  podOf(containerId: string): Pod {
    const pod = this.pods.find((one) => one.containerIds.includes(containerId));
    if (pod === undefined) throw new NotFound("container", containerId);
    return pod;
  }

  container(containerId: string): Container {
    return this.podOf(containerId).container(containerId);
  }

  async create(request: ContainerRequest): Promise<Container> {
    const { id } = request;
    parseIdentifier(id, "id");
    if (!request.bundle.startsWith("/")) throw new InvalidRequest("bundle", "must be an absolute path");
    if (this.#creating.has(id)) throw new AlreadyExists("container", id);
    const givenUp = new AbortController();
    this.#creating.set(id, givenUp);
    try {
      return await this.#create({ ...request, signal: AbortSignal.any([request.signal, givenUp.signal]) });
    } finally {
      this.#creating.delete(id);
    }
  }

  /** For a client that deletes what it no longer waits for: what is not there yet will not come. */
  giveUp(id: string): void {
    this.#creating.get(id)?.abort(new Cancelled(`creating ${id}`));
  }

  async #create(request: ContainerRequest): Promise<Container> {
    const spec = await readBundleSpec(request.bundle);
    requireSameTerminal(request.stdio.terminal, spec.process);
    const { role, podId } = await this.#roleOf(request, spec);
    return await this.#podFor(role, podId, request).create({ ...request, spec, role });
  }

  /** A container that no annotation places is in the sandbox that containerd 2 names in its bundle, if any. */
  async #roleOf({ id, bundle }: ContainerRequest, spec: ContainerSpec): Promise<SandboxRole> {
    const told = readSandboxRole(spec.annotations, id);
    if (told.role !== "single") return told;
    const podId = await readFile(join(bundle, "sandbox"), "utf8").catch(() => "");
    return this.#sandboxes.has(podId) ? { role: "container", podId } : told;
  }

  #podFor(role: string, podId: string, request: ContainerRequest): Pod {
    const known = this.#pods.get(podId);
    if (role === "container") {
      if (known === undefined) throw new NotFound("pod", podId);
      return known;
    }
    if (known !== undefined && !(known.lifecycle.is("stopped") && known.idle)) throw new AlreadyExists("pod", podId);
    const pod = this.#makePod(podId, request.bundle);
    this.#pods.set(podId, pod);
    return pod;
  }
}

/** Who makes the streams and who makes the process must mean the same: runc refuses the mixture too. */
export function requireSameTerminal(terminal: boolean, process: Process): void {
  if ((process.terminal ?? false) === terminal) return;
  throw new InvalidRequest("terminal", `is ${terminal}, but the process has terminal: ${process.terminal ?? false}`);
}

async function readBundleSpec(bundle: string): Promise<ContainerSpec> {
  const path = join(bundle, "config.json");
  try {
    return requireContainerSpec(parseSpec(await readFile(path)));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    throw new HostCallFailed(`read ${path}`, errno, { cause: errorText(error) });
  }
}
