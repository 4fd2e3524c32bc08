// The processes that must listen before QEMU starts: the software TPM, the vsock and the file-sharing daemon.
import { HostCommandFailed, type KataError } from "../lib/errors.ts";
import type { Ownership } from "../lib/owned.ts";
import type { HelperPlan } from "../plan/launch-plan.ts";
import { type Child, spawnChild } from "./child.ts";
import { untilListening } from "./listening.ts";
import { manufactureTpm, type StartSwtpm, stateArgs } from "./soft-tpm.ts";

export interface HelperContext {
  readonly ownership: Ownership;
  /** the pod's run directory; stands in every helper's command line */
  readonly runDir: string;
  readonly signal?: AbortSignal | undefined;
}

type Starters = {
  readonly [K in HelperPlan["kind"]]: (
    plan: Extract<HelperPlan, { kind: K }>,
    context: HelperContext,
  ) => Promise<Child>;
};

/** Resolves once the helper accepts QEMU's connection. */
export async function startHelper(plan: HelperPlan, context: HelperContext): Promise<Child> {
  const start = starters[plan.kind] as (plan: HelperPlan, context: HelperContext) => Promise<Child>;
  return await start(plan, context);
}

/**
 * The daemon tells the guest of room in its buffer only with the next packet towards the guest. An
 * answer larger than the buffer waits for ever, so it must hold several of the agent's largest (4 MiB).
 */
const txBufferBytes = 16 * 1024 * 1024;

/**
 * In words that QEMU 7.2's daemon (Debian 12) and the one in Rust (Debian 13) both know. chroot, not a mount
 * namespace: a volume appears in the directory after the daemon began. Volumes are announced as file systems of
 * their own, since their inode numbers are.
 */
const shareOptions = "sandbox=chroot,announce_submounts,xattr,cache=auto";

const starters: Starters = {
  swtpm: async (plan, context) => {
    const start: StartSwtpm = (args, socket) =>
      spawnListening({ name: "swtpm", file: plan.binary, args }, { ...context, socket });
    await manufactureTpm(plan, start);
    return await start([...stateArgs(plan), "--ctrl", `type=unixio,path=${plan.socket},mode=0600`], plan.socket);
  },
  "vhost-device-vsock": async (plan, context) => {
    const { socket, binary: file } = plan;
    const paths = ["--socket", socket, "--uds-path", plan.hybridSocket];
    const args = ["--guest-cid", `${plan.cid}`, ...paths, "--tx-buffer-size", `${txBufferBytes}`];
    return await spawnListening({ name: "vhost-device-vsock", file, args }, { ...context, socket });
  },
  virtiofsd: async (plan, context) => {
    const { socket, binary: file } = plan;
    // QEMU 7.2's daemon leaves its lock under the socket's name; the newer one puts it beside the socket
    await context.ownership.claim({ kind: "path", path: `/run/virtiofsd/${socket.replaceAll("/", ".")}.pid` });
    const args = ["-f", `--socket-path=${socket}`, "-o", `source=${plan.sharedDir},${shareOptions}`];
    return await spawnListening({ name: "virtiofsd", file, args }, { ...context, socket });
  },
};

async function spawnListening(
  command: { name: string; file: string; args: readonly string[] },
  context: HelperContext & { socket: string },
): Promise<Child> {
  const child = await spawnChild({ ...command, match: context.runDir, graceMs: 500 }, context.ownership);
  const died = child.exited.then(
    ({ exitCode, signal, stderrTail }): KataError =>
      new HostCommandFailed(command.file, { exitCode, signal, stderr: stderrTail }),
  );
  try {
    await untilListening(context.socket, { timeoutMs: 5_000, died, signal: context.signal });
    return child;
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
