// The lab from the command line:
//   node --import tsx test/lab/lab.ts up [--containerd FOLDER|1.6|1.7|2] [--snapshotter NAME]
//   node --import tsx test/lab/lab.ts in COMMAND...      (crictl and ctr are on PATH)
//   node --import tsx test/lab/lab.ts down
// LAB_DIR moves its folder (default /tmp/kata-cvm-lab); logs are in its folder log.
import { spawnSync } from "node:child_process";
import { handlers } from "./handlers.ts";
import { attachLab, startLab } from "./start-lab.ts";
import { type ToolName, toolPath } from "./tools.ts";

const folder = process.env["LAB_DIR"] ?? "/tmp/kata-cvm-lab";
const [verb = "", ...rest] = process.argv.slice(2);

function option(name: string): string | undefined {
  const at = rest.indexOf(name);
  return at < 0 ? undefined : rest[at + 1];
}

function containerdFolder(wanted: string | undefined): string | undefined {
  if (wanted === undefined || wanted.startsWith("/")) return wanted;
  return toolPath(`containerd-${wanted}` as ToolName);
}

async function up(): Promise<void> {
  const containerd = containerdFolder(option("--containerd"));
  const snapshotter = option("--snapshotter");
  const lab = await startLab({
    folder,
    handlers: handlers(),
    ...(containerd === undefined ? {} : { containerd }),
    ...(snapshotter === undefined ? {} : { snapshotter }),
  });
  process.stdout.write(`up: containerd ${lab.containerdVersion} in ${folder}, first process ${lab.pid}\n`);
}

if (verb === "up") await up();
else if (verb === "in") {
  const [program = "", ...args] = attachLab(folder).enter(rest);
  process.exitCode = spawnSync(program, args, { stdio: "inherit" }).status ?? 1;
} else if (verb === "down") await attachLab(folder).stop();
else {
  process.stderr.write(
    "usage: lab.ts up [--containerd FOLDER|1.6|1.7|2] [--snapshotter NAME] | in COMMAND... | down\n",
  );
  process.exitCode = 2;
}
