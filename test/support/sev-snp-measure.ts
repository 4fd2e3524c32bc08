// sev-snp-measure (PyPI): the second opinion on launch digests, and the bench's peer. It lies in the
// cache once something has installed it; tests never do.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../lab/tools.ts";

const VERSION = "0.0.13";
const PYTHON = "/usr/bin/python3";

export interface SevSnpMeasure {
  /** argv that runs Python with the package */
  readonly python: readonly string[];
  /** argv of the tool itself */
  readonly tool: readonly string[];
}

function folder(): string {
  return join(cacheFolder(), `sev-snp-measure-${VERSION}`);
}

/** undefined where nothing has installed it */
export function installedPeer(): SevSnpMeasure | undefined {
  const script = join(folder(), "bin", "sev-snp-measure");
  if (!existsSync(script)) return undefined;
  const python = ["env", `PYTHONPATH=${folder()}`, PYTHON];
  return { python, tool: [...python, script] };
}

export function installPeer(): SevSnpMeasure {
  const found = installedPeer();
  if (found) return found;
  mkdirSync(folder(), { recursive: true });
  const quiet = ["--quiet", "--disable-pip-version-check", "--root-user-action=ignore"];
  execFileSync(PYTHON, ["-m", "pip", "install", ...quiet, "--target", folder(), `sev-snp-measure==${VERSION}`]);
  const installed = installedPeer();
  if (!installed) throw new Error("pip installed no sev-snp-measure");
  return installed;
}
