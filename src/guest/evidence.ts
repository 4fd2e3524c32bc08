// Entry of the guest's evidence endpoint: HTTP on the socket that systemd listens on, 127.0.0.1:8006 of the
// network namespace that all containers share. It starts with the first request, so the boot does not pay
// for it, and ends when idle; requests are answered one after the other, as a TPM has one channel.
import { createServer, type ServerResponse } from "node:http";
import { errorText, InvalidRequest, NotFound } from "../lib/errors.ts";
import { collectEvidence, type EvidencePaths } from "./evidence/collect.ts";
import { parseEvidenceRequest } from "./evidence/request.ts";
import { guestTpmPaths } from "./evidence/tpm.ts";
import { kernelTsm } from "./evidence/tsm-report.ts";

/** First descriptor that systemd hands over: sd_listen_fds(3). */
const LISTEN_FD = 3;
const IDLE_MS = 30_000;
const paths: EvidencePaths = {
  tpm: guestTpmPaths,
  tsm: kernelTsm,
  initdata: "/run/confidential-containers/initdata/initdata.toml",
};

function main(): void {
  const state = { turn: Promise.resolve() };
  const idle = setTimeout(() => process.exit(0), IDLE_MS);
  const server = createServer((request, response) => {
    idle.refresh();
    if (request.method !== "GET") return answer(response, 405, { error: "only GET is known here" });
    state.turn = state.turn.then(async () => {
      await answerEvidence(request.url ?? "/", response);
      idle.refresh();
    });
  });
  server.listen({ fd: LISTEN_FD });
}

async function answerEvidence(url: string, response: ServerResponse): Promise<void> {
  try {
    answer(response, 200, await collectEvidence(parseEvidenceRequest(url), paths));
  } catch (error) {
    answer(response, httpStatusOf(error), { error: errorText(error) });
  }
}

function httpStatusOf(error: unknown): number {
  if (error instanceof InvalidRequest) return 400;
  return error instanceof NotFound ? 404 : 503;
}

function answer(response: ServerResponse, status: number, document: unknown): void {
  const body = `${JSON.stringify(document)}\n`;
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(body);
}

main();
