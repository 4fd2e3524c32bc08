// A ttrpc client and server joined by an in-memory stream, with a service that has every method kind.
import { duplexPair } from "node:stream";
import { errorText } from "../../../../src/lib/errors.ts";
import { StateRequest, StateResponse } from "../../../../src/wire/gen/containerd/task.ts";
import type { ServiceDescriptor } from "../../../../src/wire/service.ts";
import { TtrpcClient } from "../../../../src/wire/ttrpc/client.ts";
import { type ServeOptions, serveConnection } from "../../../../src/wire/ttrpc/server.ts";
import { bindService, type ServiceImpl } from "../../../../src/wire/ttrpc/server-call.ts";

export const Probe = {
  name: "test.Probe",
  methods: {
    One: { kind: "unary", request: StateRequest, response: StateResponse },
    Gather: { kind: "clientStreaming", request: StateRequest, response: StateResponse },
    Scatter: { kind: "serverStreaming", request: StateRequest, response: StateResponse },
    Both: { kind: "bidiStreaming", request: StateRequest, response: StateResponse },
  },
} as const satisfies ServiceDescriptor;

export function openPair(handlers: Partial<ServiceImpl<typeof Probe>>, options: Partial<ServeOptions> = {}) {
  const [near, far] = duplexPair();
  const server = serveConnection(far, [bindService(Probe, handlers)], {
    peer: "the caller",
    toStatus: (error) => ({ code: 13, message: errorText(error) }),
    ...options,
  });
  const client = new TtrpcClient(near, { peer: "the probe" });
  return { server, client, near, far, probe: client.service(Probe) };
}

/** A promise and the function that resolves it. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}
