// Stands in for a bundle, NAME.cjs for NAME.bundle.cjs, and runs it from the code that V8 made of it at build time:
// compiling anew costs each pod a fifth of the time that its daemon takes to load, and more than 1 MiB. V8 refuses code of
// another version or of other flags than node has now, and compiles as usual. Run as a program, it writes the code.
const { readFileSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const { dirname } = require("node:path");
const { Script } = require("node:vm");

const filename = __filename.replace(/cjs$/, "bundle.cjs");
const codeFile = __filename.replace(/cjs$/, "code");
/** the bundle's last line, which the code repeats: V8 itself compares no more than the source's length */
const STAMP = /\/\/ [0-9a-f]{64}\n$/;

const source = readFileSync(filename, "utf8");
const stamp = Buffer.from(STAMP.exec(source)?.[0] ?? "");

function keptCode() {
  try {
    const file = readFileSync(codeFile);
    return file.subarray(0, stamp.length).equals(stamp) ? file.subarray(stamp.length) : undefined;
  } catch {
    // it was never written: the bundle is all that is needed
    return undefined;
  }
}

const cachedData = keptCode();
const script = new Script(Module.wrap(source), { filename, ...(cachedData === undefined ? {} : { cachedData }) });
const bundle = Object.assign(new Module(filename, module), { filename, paths: module.paths });
script.runInThisContext()(bundle.exports, Module.createRequire(filename), bundle, filename, dirname(filename));
if (require.main === module) writeFileSync(codeFile, Buffer.concat([stamp, script.createCachedData()]));
module.exports = bundle.exports;
