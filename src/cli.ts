// `kata-cvm`: the command-line tool. The measuring commands are the ones that scripts call in loops: in their plain
// form they load no more than they need. Everything else, also their help, is the whole tool's.
const measuringWords: ReadonlySet<string> = new Set(["measure", "explain", "verify", "idblock", "eventlog"]);

async function main(argv: readonly string[]): Promise<number> {
  if (measuringWords.has(argv[0] ?? "")) {
    const { runMeasuring } = await import("./cli/measuring.ts");
    const exitCode = await runMeasuring(argv);
    if (exitCode !== undefined) return exitCode;
  }
  const { runTool } = await import("./cli/tool.ts");
  return await runTool(argv);
}

// whoever writes hears of it in the write's own answer; without a listener node would end us with a stack trace
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

void main(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));
