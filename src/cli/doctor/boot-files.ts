// What the guest boots from: firmware and image; with --verify-image every byte of them.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { RuntimeConfig } from "../../config/schema.ts";
import { readGuestImage } from "../../host/guest-image.ts";
import { integer, may, must, object, record, text } from "../../lib/decode.ts";
import { readFirmwareProblem } from "../../runtime/firmware-facts.ts";
import { attempt, type Check, fail, lacking, ok } from "./check.ts";
import { exists } from "./programs.ts";

export async function checkBootFiles(config: RuntimeConfig, verify: boolean): Promise<readonly Check[]> {
  return [...(await checkFirmware(config)), ...(await checkImage(config, verify))];
}

async function checkFirmware(config: RuntimeConfig): Promise<readonly Check[]> {
  const path = config.paths.igvm === "" ? config.paths.firmware : config.paths.igvm;
  const sight = { name: "firmware", origin: path };
  if (path === "builtin") return [ok(sight, "QEMU's own: measures nothing")];
  return await attempt(sight, async () => {
    if (!(await exists(path))) return lacking(sight, "is not there", absentFix(config));
    const problem = await readFirmwareProblem(config);
    if (problem === undefined) return ok(sight, "there");
    return fail(sight, problem, `name a firmware built for tee = "${config.vm.tee}"`);
  });
}

function absentFix({ vm, paths }: RuntimeConfig): string {
  if (paths.igvm !== "") return "build COCONUT-SVSM's IGVM file for QEMU and put it there, or set paths.igvm";
  const kind = vm.tee === "none" ? "" : ` of a build for ${vm.tee}`;
  return `install the Debian package ovmf, or set paths.firmware to the file${kind}`;
}

const neededFiles: Readonly<Record<RuntimeConfig["vm"]["boot"], readonly string[]>> = {
  uki: ["uki.efi"],
  "uki-disk": ["esp.img"],
  direct: ["vmlinuz", "initrd.img"],
};

async function checkImage({ vm, paths }: RuntimeConfig, verify: boolean): Promise<readonly Check[]> {
  const sight = { name: "image", origin: join(paths.image, "image.json") };
  return await attempt(sight, async () => {
    const image = await readGuestImage(paths.image);
    const missing = [...neededFiles[vm.boot], "root.erofs", "root.verity"].filter(
      (name) => !image.files.includes(name),
    );
    if (missing.length > 0) {
      return lacking(
        sight,
        `${missing.join(", ")} is missing, which boot = "${vm.boot}" needs`,
        "build it with `npm run image`",
      );
    }
    const found = ok(sight, `root hash ${image.rootHash.slice(0, 16)}…`);
    return verify ? [found, ...(await verifyImage(paths.image))] : [found];
  });
}

const imageDocument = object<{
  readonly files?: Readonly<Record<string, { readonly sha256: string; readonly bytes?: number }>>;
}>({
  files: may(
    record(
      object<{ readonly sha256: string; readonly bytes?: number }>({
        sha256: must(text),
        bytes: may(integer(0, Number.MAX_SAFE_INTEGER)),
      }),
    ),
  ),
});

async function verifyImage(dir: string): Promise<readonly Check[]> {
  const { files = {} } = imageDocument(JSON.parse(await readFile(join(dir, "image.json"), "utf8")), "");
  const checks: Check[] = [];
  for (const [name, { sha256 }] of Object.entries(files)) {
    const sight = { name: `image ${name}`, origin: join(dir, name) };
    const actual = await digestOf(join(dir, name));
    checks.push(
      actual === sha256
        ? ok(sight, "is as built")
        : fail(sight, `sha256 is ${actual}, image.json says ${sha256}`, "build the image again with `npm run image`"),
    );
  }
  return checks;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
