import assert from "node:assert/strict";
import { cryptTarget } from "../../../../src/guest/storage/encrypted-disk.ts";
import { InvalidRequest } from "../../../../src/lib/errors.ts";

const key = Buffer.alloc(64, 0xab);

describe("an encrypted disk's dm-crypt table", () => {
  it("is what the kernel's documentation asks for, over the whole disk", () => {
    const { type, sectors, parameters } = cryptTarget("/dev/sdc", 2048, key);
    assert.deepEqual([type, sectors], ["crypt", 2048]);
    assert.equal(parameters, `aes-xts-plain64 ${"ab".repeat(64)} 0 /dev/sdc 0 2 allow_discards sector_size:4096`);
  });

  it("ends at a whole sector of 4096 bytes, and is refused for less than one", () => {
    assert.equal(cryptTarget("/dev/sdc", 2055, key).sectors, 2048);
    assert.throws(() => cryptTarget("/dev/sdc", 7, key), InvalidRequest);
  });

  it("is writable, and wiped wherever the key would stay", () => {
    const { isWritable, isSecret } = cryptTarget("/dev/sdc", 2048, key);
    assert.deepEqual([isWritable, isSecret], [true, true]);
  });
});
