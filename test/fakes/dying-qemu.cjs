#!/usr/bin/env node
// A QEMU that dies on cue, for failures that need hardware: FAKE_SAY is its last words, FAKE_AT when it says them:
// `start` before the monitor answers, or a QMP command on which it aborts as QEMU's assertions do. Until then it
// answers as QEMU: greeting, capabilities first, unknown commands refused.
const { createServer } = require("node:net");
const { createInterface } = require("node:readline");

const { FAKE_SAY: words = "", FAKE_AT: at = "start" } = process.env;
const monitor = /path=([^,]+),server=on/.exec(process.argv.find((arg) => arg.includes("server=on")) ?? "")?.[1];
const known = new Set(["blockdev-add", "device_add", "chardev-add", "netdev_add", "cont", "query-sev", "quit"]);

const die = (code) => {
  process.stderr.write(`${words}\n`, () => (code === undefined ? process.abort() : process.exit(code)));
};

if (at === "start" || monitor === undefined) die(1);
else
  createServer((socket) => {
    const send = (message) => socket.write(`${JSON.stringify(message)}\r\n`);
    let isNegotiated = false;
    send({ QMP: { version: { qemu: { major: 11, minor: 0, micro: 1 }, package: "" }, capabilities: [] } });
    socket.on("error", () => undefined);
    createInterface({ input: socket }).on("line", (line) => {
      const { execute, id } = JSON.parse(line);
      const refuse = (desc) => send({ error: { class: "CommandNotFound", desc }, id });
      if (execute === "qmp_capabilities") isNegotiated = true;
      else if (!isNegotiated) return refuse("Expecting capabilities negotiation with 'qmp_capabilities'");
      else if (execute === at) return die();
      else if (!known.has(execute)) return refuse(`The command ${execute} has not been found`);
      const sev = { enabled: false, state: "uninit", "sev-type": "sev" };
      send({ return: execute === "query-sev" ? sev : {}, id });
      if (execute === "quit") process.exit(0);
    });
  }).listen(monitor);
