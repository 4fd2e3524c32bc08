import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { describe, it } from "mocha";
import { Control, type ExecInput, type ExecOutput, type InspectResponse } from "../../../src/wire/gen/control.ts";
import { grpcDefinition } from "../../../src/wire/grpc.ts";

describe("a service descriptor as a gRPC definition", () => {
  it("names paths and streams as the proto does", () => {
    const definition = grpcDefinition(Control);
    assert.equal(definition.Exec.path, "/kata.cvm.control.v1.Control/Exec");
    assert.deepEqual([definition.Exec.requestStream, definition.Exec.responseStream], [true, true]);
    assert.deepEqual([definition.Console.requestStream, definition.Console.responseStream], [false, true]);
    assert.deepEqual([definition.Inspect.requestStream, definition.Inspect.responseStream], [false, false]);
  });

  it("serves and calls unary and bidirectional methods over a Unix socket", async () => {
    const directory = await mkdtemp(join(tmpdir(), "grpc-"));
    const address = `unix:${join(directory, "control.sock")}`;
    const server = new grpc.Server();
    server.addService(grpcDefinition(Control), {
      Inspect: (call: { request: { pod_id: string } }, done: grpc.sendUnaryData<unknown>) =>
        done(null, { state_json: Buffer.from(JSON.stringify({ pod: call.request.pod_id })) }),
      Exec: (call: grpc.ServerDuplexStream<ExecInput, unknown>) => {
        call.on("data", (input: ExecInput) => {
          if (input.stdin !== undefined) call.write({ stdout: input.stdin });
        });
        call.on("end", () => {
          call.write({ exit_status: 0 });
          call.end();
        });
      },
    });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
    const Client = grpc.makeGenericClientConstructor(grpcDefinition(Control), "Control");
    const client = new Client(address, grpc.credentials.createInsecure());
    try {
      const inspected = await new Promise<InspectResponse>((resolve, reject) => {
        client["Inspect"]?.({ pod_id: "p1" }, (error: Error | null, answer: InspectResponse) =>
          error ? reject(error) : resolve(answer),
        );
      });
      assert.equal(Buffer.from(inspected.state_json).toString(), '{"pod":"p1"}');
      const exec = client["Exec"]?.() as unknown as grpc.ClientDuplexStream<unknown, ExecOutput>;
      exec.write({ start: { container_id: "c", args: ["cat"] } });
      exec.write({ stdin: Buffer.from("hello") });
      exec.end();
      const outputs: ExecOutput[] = [];
      for await (const output of exec) outputs.push(output as ExecOutput);
      assert.equal(Buffer.from(outputs[0]?.stdout ?? []).toString(), "hello");
      // presence: status 0 is said, not left out
      assert.equal(outputs[1]?.exit_status, 0);
    } finally {
      client.close();
      server.forceShutdown();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
