// `kata-cvm idblock`: the pair that QEMU hands to the PSP, signed, and the key digests a verifier pins.
// Private keys are read, used and forgotten; nothing of them is ever printed.
import { createPrivateKey, type KeyObject } from "node:crypto";
import { InvalidRequest } from "../lib/errors.ts";
import { toAddress, toHex } from "../measure/hex.ts";
import { buildIdBlock, signIdBlock } from "../measure/snp/id-block.ts";
import { describeSnpPolicy, parseSnpPolicy } from "../measure/snp/policy.ts";
import { defineCommand } from "./command.ts";
import { readInput } from "./read-input.ts";

export const idblockCommand = defineCommand({
  command: "idblock",
  describe: "sign an SNP ID block; prints id-block and id-auth as QEMU takes them (base64)",
  options: {
    measurement: { type: "string", describe: "launch digest, hex", demandOption: true },
    policy: { type: "string", describe: 'guest policy: a number, or words ("smt on, debug off")', default: "0x30000" },
    "id-key": { type: "string", describe: "P-384 private key (PEM) that signs the block", demandOption: true },
    "author-key": { type: "string", describe: "P-384 private key (PEM) that signs the ID key" },
    "family-id": { type: "string", describe: "16 bytes, hex" },
    "image-id": { type: "string", describe: "16 bytes, hex" },
    "guest-svn": { type: "number", describe: "security version of the guest", default: 0 },
  },
  async run(args) {
    const policy = parseSnpPolicy(args.policy);
    const familyId = args["family-id"] === undefined ? {} : { familyId: parseHex("--family-id", args["family-id"]) };
    const imageId = args["image-id"] === undefined ? {} : { imageId: parseHex("--image-id", args["image-id"]) };
    const measurement = parseHex("--measurement", args.measurement);
    const idBlock = buildIdBlock({ measurement, policy, guestSvn: args["guest-svn"], ...familyId, ...imageId });
    const idKey = await readKey("--id-key", args["id-key"]);
    const authorPath = args["author-key"];
    const authorKey = authorPath === undefined ? undefined : await readKey("--author-key", authorPath);
    const signed = signIdBlock(idBlock, idKey, authorKey);
    const json = {
      idBlock: idBlock.toString("base64"),
      idAuth: signed.idAuth.toString("base64"),
      idKeyDigest: toHex(signed.idKeyDigest),
      authorKeyDigest: signed.authorKeyDigest ? toHex(signed.authorKeyDigest) : null,
      authorKeyEnabled: authorKey !== undefined,
      policy: toAddress(policy),
      policyWords: describeSnpPolicy(policy),
    };
    const text = [
      `id-block=${json.idBlock}`,
      `id-auth=${json.idAuth}`,
      `ID key digest      ${json.idKeyDigest}`,
      `author key digest  ${json.authorKeyDigest ?? "(no author key)"}`,
      `policy             ${json.policy} (${json.policyWords})`,
    ];
    return { json, text: text.join("\n"), exitCode: 0 };
  },
});

async function readKey(option: string, path: string): Promise<KeyObject> {
  const pem = await readInput(option, path);
  try {
    return createPrivateKey(pem);
  } catch {
    throw new InvalidRequest(option, `${path} is no unencrypted private key in PEM form`);
  } finally {
    pem.fill(0);
  }
}

function parseHex(option: string, text: string): Buffer {
  if (!/^([0-9a-f]{2})*$/i.test(text)) throw new InvalidRequest(option, "is not hex");
  return Buffer.from(text, "hex");
}
