// Stands in for the agent until one is built: says on the console that user space is up, and stays.
const { readFileSync, writeSync } = require("node:fs");

require("node:v8").startupSnapshot.setDeserializeMainFunction(() => {
  writeSync(2, `kata-cvm-stub: READY after ${readFileSync("/proc/uptime", "utf8").split(" ")[0]} s\n`);
  setInterval(() => {}, 3600_000);
});
