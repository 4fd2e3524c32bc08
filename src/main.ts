// What containerd runs as `containerd-shim-kata-cvm-v2`. Each action is a bundle of its own and
// only the one asked for is loaded: containerd waits for this process on every pod and container.
import { errorText } from "./lib/errors.ts";
import { runtimeName, runtimeVersion } from "./lib/version.ts";
import { type Invocation, parseFlags } from "./shim/flags.ts";

async function main(argv: readonly string[]): Promise<void> {
  const invocation = parseFlags(argv);
  if (invocation.version) {
    process.stdout.write(`${runtimeName}\n  Version: ${runtimeVersion}\n  Node: ${process.version}\n`);
  } else if (invocation.info) {
    const { maxOptionsBytes, renderRuntimeInfo } = await import("./shim/info.ts");
    await write(renderRuntimeInfo(await readStdin(maxOptionsBytes)));
  } else await act(invocation);
}

async function act(invocation: Invocation): Promise<void> {
  const self = [process.execPath, ...process.execArgv, process.argv[1] ?? ""];
  switch (invocation.action) {
    case "serve": {
      const { serve } = await import("./shim/serve.ts");
      return await serve(invocation);
    }
    case "delete": {
      const { deletePod } = await import("./shim/delete.ts");
      await write(await deletePod({ invocation, self }));
      break;
    }
    case "reclaim": {
      const { reclaimPod } = await import("./shim/delete.ts");
      await reclaimPod(invocation);
      break;
    }
    default: {
      const { maxStdinBytes } = await import("./shim/bootstrap.ts");
      const { start } = await import("./shim/start.ts");
      await write(await start({ invocation, input: await readStdin(maxStdinBytes), self }));
    }
  }
  process.exit(0);
}

function write(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

async function readStdin(limit: number): Promise<Uint8Array> {
  if (process.stdin.isTTY) return new Uint8Array();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new Error(`stdin is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  // containerd shows the whole output of a failed call to the user: one line, no stack
  process.stderr.write(`kata-cvm: ${errorText(error)}\n`);
  process.exit(1);
});
