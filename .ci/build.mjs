// Bundles the three programs: the shim (one bundle per action, so that `start` loads 20 KiB and not
// the whole daemon), the command-line tool, and the guest agent. CommonJS starts faster than ESM.
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const top = dirname(dirname(fileURLToPath(import.meta.url)));
const out = process.argv[2] ?? join(top, "dist");

/** Modules that an entry loads only when it comes to that: each becomes `NAME.cjs` beside it. */
function lazily(modules, isKept) {
  return {
    name: "lazy-bundles",
    setup(builder) {
      builder.onResolve({ filter: /\.ts$/ }, (args) => {
        if (args.kind !== "dynamic-import") return undefined;
        const name = /([^/]+)\.ts$/.exec(args.path)[1];
        if (!modules.includes(name)) return undefined;
        return isKept ? { path: name, namespace: "kept" } : { path: `./${name}.cjs`, external: true };
      });
      builder.onLoad({ filter: /./, namespace: "kept" }, ({ path }) => ({ contents: loadKept(path) }));
    },
  };
}

/**
 * For the daemon, which may outlive the files it came from: what it may load later is opened when it starts, so that
 * an upgrade neither takes these modules away nor puts those of another version in their place.
 */
function keep(modules) {
  return `const kept = new Map(${JSON.stringify(modules)}.map((name) => {
  const path = require("node:path").join(__dirname, name + ".cjs");
  return [name, { path, fd: require("node:fs").openSync(path, "r") }];
}));`;
}

function loadKept(name) {
  return `const { path, fd } = kept.get(${JSON.stringify(name)});
const Module = require("node:module");
const loaded = new Module(path, module);
loaded.filename = path;
loaded.paths = module.paths;
loaded._compile(require("node:fs").readFileSync(fd, "utf8"), path);
module.exports = loaded.exports;`;
}

const common = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  // `import()` becomes `require`: it is quicker, and the bundles are CommonJS
  supported: { "dynamic-import": false },
  external: ["koffi"],
  // yargs is an ES module and asks where it stands
  define: { "import.meta.url": "moduleUrl" },
  banner: { js: 'const moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
  legalComments: "none",
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: false,
  logLevel: "warning",
};

const shimActions = ["start", "delete", "info", "serve", "control"];
const programs = [
  ["shim/main", "src/main.ts", shimActions],
  ["shim/start", "src/shim/start.ts", []],
  ["shim/delete", "src/shim/delete.ts", []],
  ["shim/info", "src/shim/info.ts", []],
  ["shim/serve", "src/shim/serve.ts", ["control", "expected-values"]],
  ["shim/control", "src/runtime/control.ts", []],
  ["shim/expected-values", "src/runtime/expected-values.ts", []],
  ["cli/cli", "src/cli.ts", ["measuring", "tool"]],
  ["cli/measuring", "src/cli/measuring.ts", []],
  ["cli/tool", "src/cli/tool.ts", []],
  ["guest/agent", "src/guest/agent.ts", []],
  ["guest/evidence", "src/guest/evidence.ts", []],
];

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await Promise.all(
  programs
    .filter(([, entry]) => existsSync(join(top, entry)))
    .map(([name, entry, lazy]) => {
      const isDaemon = name === "shim/serve";
      return build({
        ...common,
        ...(isDaemon ? { banner: { js: `${common.banner.js}\n${keep(lazy)}` } } : {}),
        entryPoints: [join(top, entry)],
        outfile: join(out, `${name}.cjs`),
        plugins: [lazily(lazy, isDaemon)],
      });
    }),
);
cpSync(join(top, ".ci/bin"), join(out, "bin"), { recursive: true, verbatimSymlinks: true });
precompile("shim/serve");

/** Lets a bundle start from compiled code: see precompiled.cjs. */
function precompile(name) {
  const bundle = join(out, `${name}.bundle.cjs`);
  const loader = join(out, `${name}.cjs`);
  renameSync(loader, bundle);
  appendFileSync(bundle, `// ${createHash("sha256").update(readFileSync(bundle)).digest("hex")}\n`);
  cpSync(join(top, ".ci/precompiled.cjs"), loader);
  const { NODE_OPTIONS: _ignored, ...env } = process.env;
  // V8's flags as in bin/: with others it refuses the code
  execFileSync(process.execPath, ["--max-semi-space-size=1", loader], { env });
}
