// The import table of src/README.md. Rows: who, and what it may import besides itself.
const may = {
  main: ["shim", "lib"],
  "cli.ts": ["cli", "lib"],
  guest: ["wire", "oci", "measure", "lib"],
  shim: ["runtime", "pod", "vm", "agent", "host", "plan", "translate", "measure", "config", "oci", "wire", "lib"],
  cli: ["runtime", "pod", "vm", "agent", "host", "plan", "translate", "measure", "config", "oci", "wire", "lib"],
  runtime: ["pod", "vm", "agent", "host", "plan", "translate", "measure", "config", "oci", "wire", "lib"],
  pod: ["plan", "translate", "config", "oci", "wire", "lib"],
  vm: ["plan", "host", "wire", "lib"],
  agent: ["host", "wire", "lib"],
  host: ["measure", "lib"],
  plan: ["measure", "config", "oci", "lib"],
  translate: ["config", "oci", "wire", "lib"],
  measure: ["lib"],
  config: ["lib"],
  oci: ["lib"],
  wire: ["lib"],
  lib: [],
};
const folders = Object.keys(may).filter((name) => !name.includes(".") && name !== "main");
const layer = (name) => {
  const others = folders.filter((f) => f !== name && !may[name].includes(f));
  return {
    name: `${name}-imports`,
    severity: "error",
    from: { path: name === "main" || name.includes(".") ? `^src/${name}` : `^src/${name}/` },
    to: { path: `^src/(${others.join("|")})/` },
  };
};
const pure = "^src/(plan|translate|measure|config|oci)/";

module.exports = {
  forbidden: [
    ...Object.keys(may).map(layer),
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "pure-folders-touch-nothing",
      severity: "error",
      from: { path: pure },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?(crypto|path|buffer|zlib)$" },
    },
    {
      name: "wire-never-dials",
      severity: "error",
      from: { path: "^src/wire/" },
      to: { dependencyTypes: ["core"], path: "^(node:)?(net|fs|fs/promises|child_process)$" },
    },
    { name: "src-never-imports-test", severity: "error", from: { path: "^src/" }, to: { path: "^test/" } },
    {
      name: "pod-and-translate-take-wire-types-only",
      severity: "error",
      from: { path: "^src/(pod|translate)/" },
      to: { path: "^src/wire/(ttrpc|qmp)/" },
    },
    { name: "yargs-only-in-cli", severity: "error", from: { pathNot: "^src/cli" }, to: { path: "node_modules/yargs" } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { extensions: [".ts", ".js", ".cjs", ".mjs"], conditionNames: ["import", "node", "default"] },
  },
};
