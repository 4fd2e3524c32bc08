import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDirectory, openBeneath } from "../../../../src/guest/sys/beneath.ts";
import { InvalidRequest } from "../../../../src/lib/errors.ts";

describe("a way below a directory", () => {
  let top = "";
  let root = "";
  const field = "Mounts.source";
  const open = (path: string, make?: typeof makeDirectory) =>
    openBeneath(root, join(root, path), { field, ...(make === undefined ? {} : { make }) });
  const refuses = (work: () => Disposable, text: RegExp) =>
    assert.throws(work, (error) => {
      assert.ok(error instanceof InvalidRequest);
      assert.match(error.message, text);
      return true;
    });

  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), "kata-beneath-"));
    root = join(top, "volume");
    mkdirSync(join(root, "a/b"), { recursive: true });
    mkdirSync(join(top, "outside"));
    writeFileSync(join(root, "a/b/file"), "inside");
  });
  afterEach(() => rmSync(top, { recursive: true }));

  it("ends at a directory, a file, or where it began", () => {
    using directory = open("a/b");
    using file = open("a/b/file");
    using whole = openBeneath(root, root, { field });
    assert.deepEqual(readdirSync(directory.path), ["file"]);
    assert.equal(readFileSync(file.path, "utf8"), "inside");
    assert.deepEqual(readdirSync(whole.path), ["a"]);
  });

  it("means what was opened, whatever takes its name later", () => {
    using directory = open("a/b");
    renameSync(join(root, "a/b"), join(root, "a/c"));
    symlinkSync(join(top, "outside"), join(root, "a/b"));
    assert.deepEqual(readdirSync(directory.path), ["file"]);
  });

  it("follows no link, on the way or at the end, to wherever it leads", () => {
    symlinkSync("a", join(root, "within"));
    symlinkSync(join(top, "outside"), join(root, "out"));
    symlinkSync("/proc/self/fd/0", join(root, "magic"));
    for (const path of ["within", "within/b", "out", "out/x", "magic"]) {
      refuses(() => open(path), /Mounts\.source.*"(within|out|magic)" is a link/);
      refuses(() => open(path, makeDirectory), /is a link/);
    }
    assert.deepEqual(readdirSync(join(top, "outside")), []);
  });

  it("makes what is missing where it is asked to, and nothing otherwise", () => {
    refuses(() => open("a/new"), /"new": ENOENT/);
    assert.ok(!existsSync(join(root, "a/new")));
    using made = open("a/new/deep", makeDirectory);
    assert.ok(made.stat().isDirectory());
    assert.ok(existsSync(join(root, "a/new/deep")));
    refuses(() => open("a/b/file", makeDirectory), /"file" is not a directory/);
    refuses(() => open("a/b/file/x"), /"file" is not a directory/);
  });

  it("leads nowhere else by its words", () => {
    for (const path of [`${root}/../outside`, `${root}/a/../../outside`, join(top, "outside"), `${root}-not`, ""]) {
      refuses(() => openBeneath(root, path, { field }), /is not below/);
    }
    refuses(() => openBeneath(root, `${root}/a\0`, { field }), /is not below/);
  });

  it("leaves no descriptor open, whether it is walked or refused", () => {
    symlinkSync("a", join(root, "within"));
    const before = readdirSync("/proc/self/fd").length;
    for (const path of ["a/b", "a/b/file", "nosuch", "within", "a/b/file/x"]) {
      try {
        using _ = open(path);
      } catch (error) {
        assert.ok(error instanceof InvalidRequest);
      }
    }
    assert.equal(readdirSync("/proc/self/fd").length, before);
  });
});
