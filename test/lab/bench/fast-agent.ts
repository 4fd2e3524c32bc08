// An agent whose container writes without end: the fast peer of bench/stdout.ts. Argument: its socket.
import { createServer } from "node:net";
import { AgentService } from "../../../src/wire/gen/kata/agent.ts";
import { serveConnection } from "../../../src/wire/ttrpc/server.ts";
import { bindService } from "../../../src/wire/ttrpc/server-call.ts";

const page = Buffer.alloc(1024 * 1024, "kata");
const service = bindService(AgentService, { ReadStdout: ({ len }) => ({ data: page.subarray(0, len) }) });
const server = createServer((socket) => {
  serveConnection(socket, [service], { peer: "bench", toStatus: () => ({ code: 13, message: "unexpected" }) });
});
server.listen(process.argv[2], () => process.stdout.write("ready\n"));
