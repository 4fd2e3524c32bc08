// Stands in for a guest on a tap: answers ARP for any address and echoes UDP. Run inside the
// namespace as `node host-tap-peer.mjs TAP MAC`. Swapping both addresses keeps every checksum valid.
import { openSync, read, writeSync } from "node:fs";
import koffi from "koffi";

const [, , tap, mac] = process.argv;
const own = Buffer.from(mac.replaceAll(":", ""), "hex");
const fd = openSync("/dev/net/tun", "r+");
const request = Buffer.alloc(40);
request.write(tap, 0, "latin1");
request.writeUInt16LE(0x1002, 16); // IFF_TAP | IFF_NO_PI
const ioctl = koffi.load(null).func("int ioctl(int fd, unsigned long request, _Inout_ uint8_t *argument)");
if (ioctl(fd, 0x400454ca, request) !== 0) throw new Error(`TUNSETIFF: errno ${koffi.errno()}`);
process.stdout.write("ready\n");

const swap = (frame, a, b, length) => {
  const kept = Buffer.from(frame.subarray(a, a + length));
  frame.copy(frame, a, b, b + length);
  kept.copy(frame, b);
};
const answer = (frame) => {
  const type = frame.readUInt16BE(12);
  if (type === 0x0806 && frame.readUInt16BE(20) === 1) {
    swap(frame, 22, 32, 10);
    own.copy(frame, 22);
    frame.writeUInt16BE(2, 20);
  } else if (type === 0x0800 && frame[23] === 17 && own.equals(frame.subarray(0, 6))) {
    swap(frame, 26, 30, 4);
    swap(frame, 34, 36, 2);
  } else return;
  frame.copy(frame, 0, 6, 12);
  own.copy(frame, 6);
  writeSync(fd, frame);
};
const buffer = Buffer.alloc(65536);
const next = () =>
  read(fd, buffer, 0, buffer.length, null, (error, length) => {
    if (error) throw error;
    answer(Buffer.from(buffer.subarray(0, length)));
    next();
  });
next();
