// Stands in for the agent until one is built: says on the console that user space is up, and stays.
require("node:fs").writeSync(2, `kata-cvm-stub: READY after ${require("node:fs").readFileSync("/proc/uptime", "utf8").split(" ")[0]} s\n`);
setInterval(() => {}, 3600_000);
