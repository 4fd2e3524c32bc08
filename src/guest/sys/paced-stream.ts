// A vsock stream that hands the kernel at most 16 KiB at a time. vhost-device-vsock 0.3 stops a
// connection for good after a larger packet from the guest (measured: 32 KiB stalls, 16 KiB never did),
// and Linux makes one packet of each write, up to 64 KiB.
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

const PACKET_LIMIT = 16 * 1024;

export function pacedStream(socket: Socket): Duplex {
  const paced = new Duplex({
    allowHalfOpen: true,
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, done) => writePieces(socket, chunk, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk: Buffer) => {
    if (!paced.push(chunk)) socket.pause();
  });
  socket.once("end", () => paced.push(null));
  socket.once("error", (error) => paced.destroy(error));
  socket.once("close", () => paced.destroy());
  return paced;
}

/** One write at a time: several that wait would leave in one system call. */
function writePieces(socket: Socket, chunk: Buffer, done: (error?: Error | null) => void): void {
  const piece = chunk.subarray(0, PACKET_LIMIT);
  const rest = chunk.subarray(PACKET_LIMIT);
  socket.write(piece, (error) => {
    if (error || rest.length === 0) done(error);
    else writePieces(socket, rest, done);
  });
}
