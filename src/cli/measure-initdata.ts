// `kata-cvm measure initdata`: what each platform's field or register must hold for a document.

import { toHex } from "../measure/hex.ts";
import { measureInitdata, parseInitdata } from "../measure/initdata/initdata.ts";
import { defineCommand } from "./command.ts";
import { readInput } from "./read-input.ts";

export const measureInitdataCommand = defineCommand({
  command: "measure initdata",
  describe: "digest of an initdata document, and the values it binds",
  options: {
    file: { type: "string", describe: "the TOML document, byte for byte as it is delivered", demandOption: true },
  },
  async run({ file }) {
    const bytes = await readInput("--file", file);
    const { algorithm, digest, snpHostData, tdxMrConfigId, pcr8 } = measureInitdata(bytes);
    const json = {
      algorithm,
      digest: toHex(digest),
      snpHostData: toHex(snpHostData),
      tdxMrConfigId: toHex(tdxMrConfigId),
      pcr8: toHex(pcr8),
      files: [...parseInitdata(bytes).data.keys()],
    };
    const text = [
      `${algorithm}          ${json.digest}`,
      `SNP HOST_DATA   ${json.snpHostData}`,
      `TDX MRCONFIGID  ${json.tdxMrConfigId}`,
      `PCR 8 (sha256)  ${json.pcr8}`,
    ].join("\n");
    return { json, text, exitCode: 0 };
  },
});
