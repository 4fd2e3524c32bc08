// `kata-cvm run`: a command of an OCI image in a VM of its own, without containerd. Its streams are
// ours and its exit code becomes ours; nothing but the layer cache stays.
import { randomBytes } from "node:crypto";
import { type OciImage, openImage } from "../host/oci-layout/image.ts";
import { effectiveText, type PreparedLayer, prepareImageLayer } from "../host/oci-layout/image-layers.ts";
import { Cancelled, InvalidRequest } from "../lib/errors.ts";
import { createLogger, type Logger, silentLogger } from "../lib/logger.ts";
import type { ContainerSpec } from "../oci/types.ts";
import type { ProcessStdio } from "../pod/ports.ts";
import { boundLayers } from "../runtime/bound-layers.ts";
import { toLayerFile } from "../runtime/pod-host.ts";
import { type ArgsOf, type CommandResult, defineCommand } from "./command.ts";
import { annotationOption, configOption, configPathOf, loadConfigFor, parseAnnotations } from "./config-option.ts";
import { composeSpec, parseBytes } from "./run/container-spec.ts";
import { resolveUser } from "./run/image-user.ts";
import { type PodRunOutcome, runPod } from "./run/run-pod.ts";
import { reportTo, type StageReport, silentReport } from "./run/stage-report.ts";
import { Collected, noInput, onSignals, openInput, rawTerminal, sinkOf } from "./terminal.ts";

export const execOptions = {
  interactive: { type: "boolean", alias: "i", describe: "pass stdin on", default: false },
  tty: { type: "boolean", alias: "t", describe: "give the process a terminal", default: false },
  env: { type: "string", alias: "e", array: true, nargs: 1, describe: "environment KEY=VALUE; may be repeated" },
  workdir: { type: "string", alias: "w", describe: "working directory" },
} as const;

const options = {
  config: configOption,
  oci: { type: "string", describe: "LAYOUT[:REF]: OCI image layout or archive of one", demandOption: true },
  ...execOptions,
  user: { type: "string", alias: "u", describe: "NAME|UID[:GROUP|GID], by the image's accounts" },
  memory: { type: "string", alias: "m", describe: "limit such as 512m; also sizes the VM" },
  cpus: { type: "number", describe: "limit such as 1.5; also sizes the VM" },
  annotation: annotationOption,
  net: { type: "string", describe: "network of the pod", choices: ["none"], default: "none" },
  rm: { type: "boolean", describe: "accepted for habit: nothing is ever kept", default: false },
  quiet: { type: "boolean", alias: "q", describe: "no stages on stderr", default: false },
  verbose: { type: "boolean", describe: "the log on stderr", default: false },
} as const;

type Args = ArgsOf<typeof options>;

export const runCommand = defineCommand({
  command: "run",
  describe: "run a command of an OCI image in a VM of its own, without containerd",
  tail: "[-- CMD...]",
  options,
  run: async (args) => {
    if (args.tty && !process.stdin.isTTY && args.interactive) {
      throw new InvalidRequest("-t", "needs a terminal on stdin when -i is given too");
    }
    const stop = new AbortController();
    const image = await withInterrupt(stop, () => prepare(args, stop.signal, reporter(args)));
    const streams = openStreams(args, () => stop.abort());
    try {
      const outcome = await runPod({
        podId: `run-${randomBytes(6).toString("hex")}`,
        configPath: configPathOf(args.config),
        spec: image.spec,
        layers: image.layers.map(({ image: disk }) => toLayerFile(disk)).reverse(),
        stdio: streams.stdio,
        logger: logger(args),
        report: image.report,
        signal: stop.signal,
      });
      return streams.result(outcome);
    } finally {
      streams.close();
    }
  },
});

interface Prepared {
  readonly spec: ContainerSpec;
  readonly layers: readonly PreparedLayer[];
  readonly report: StageReport;
}

/** Before there is a pod, a signal has nothing to undo but this. */
async function withInterrupt<T>(stop: AbortController, work: () => Promise<T>): Promise<T> {
  using _signals = onSignals(() => stop.abort(new Cancelled("the run")));
  return await work();
}

async function prepare(args: Args, signal: AbortSignal, report: StageReport): Promise<Prepared> {
  const annotations = parseAnnotations(args.annotation);
  const { config } = await loadConfigFor(args.config, annotations);
  const image = await openImage(args.oci);
  report.ended(`image ${image.name || image.digest.slice(0, 19)}, ${image.layers.length} layers`);
  const layers = await prepareLayers(image, { cacheDir: config.paths.layers, signal });
  const fresh = layers.filter((layer) => layer.isFresh).length;
  if (fresh > 0) await boundLayers(config, logger(args));
  report.ended(`layers ready, ${fresh === 0 ? "all from the cache" : `${fresh} converted`}`);
  return { spec: specOf(args, { image, layers, annotations }), layers, report };
}

async function prepareLayers(
  image: OciImage,
  options: { cacheDir: string; signal: AbortSignal },
): Promise<readonly PreparedLayer[]> {
  const layers: PreparedLayer[] = [];
  for (const layer of image.layers) layers.push(await prepareImageLayer(layer, options));
  return layers;
}

function specOf(
  args: Args,
  from: { image: OciImage; layers: readonly PreparedLayer[]; annotations: Readonly<Record<string, string>> },
): ContainerSpec {
  const { image, layers, annotations } = from;
  const accounts = layers.map((layer) => layer.accounts);
  const texts = { passwd: effectiveText(accounts, "passwd"), group: effectiveText(accounts, "group") };
  const { cpus } = args;
  if (cpus !== undefined && !(cpus >= 0.01)) throw new InvalidRequest("--cpus", "must be a number of at least 0.01");
  return composeSpec(image.config, resolveUser(args.user ?? image.config.User ?? "", texts), {
    args: args.rest ?? [],
    env: args.env ?? [],
    workdir: args.workdir,
    terminal: args.tty,
    memoryBytes: args.memory === undefined ? undefined : parseBytes("--memory", args.memory),
    cpus,
    hostname: "kata-cvm",
    annotations,
  });
}

interface Streams {
  readonly stdio: ProcessStdio;
  result(outcome: PodRunOutcome): CommandResult;
  close(): void;
}

/** With --json the output is part of the document, since stdout holds nothing else. */
function openStreams(args: Args, onReaderGone: () => void): Streams {
  const input = args.interactive ? openInput(process.stdin) : undefined;
  const collected = args.json === true ? { stdout: new Collected(), stderr: new Collected() } : undefined;
  const raw = args.tty && args.interactive ? rawTerminal(process.stdin) : undefined;
  return {
    stdio: {
      stdin: input?.bytes ?? noInput(),
      stdout: collected?.stdout ?? sinkOf(process.stdout, onReaderGone),
      stderr: args.tty ? null : (collected?.stderr ?? sinkOf(process.stderr, () => undefined)),
      closeStdin: () => input?.close(),
      close: async () => input?.close(),
    },
    result: ({ status, timeline }) => ({
      json: { exitCode: status, stdout: collected?.stdout.text(), stderr: collected?.stderr.text(), timeline },
      text: "",
      exitCode: status,
    }),
    close: () => raw?.[Symbol.dispose](),
  };
}

function reporter(args: Args): StageReport {
  const isWanted = !args.quiet && process.stderr.isTTY && !(args.tty && args.interactive);
  return isWanted ? reportTo((line) => void process.stderr.write(line)) : silentReport;
}

function logger(args: Args): Logger {
  if (!args.verbose) return silentLogger;
  return createLogger({ write: (line) => void process.stderr.write(`${line}\n`) }, { level: "debug" });
}
