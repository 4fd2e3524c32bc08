// Intel TDX. MRCONFIGID carries the initdata digest; a quote service that cannot be reached does
// not stop the launch, the guest only gets no quotes.

import type { RuntimeConfig } from "../../config/schema.ts";
import { EnvironmentLacks } from "../../lib/errors.ts";
import type { PodInitdata } from "../initdata.ts";
import type { HostFacts, LaunchInputs } from "../inputs.ts";
import type { QuoteSocket, TeePlan } from "../launch-plan.ts";

/** The host's well-known context id (vsock(7)). */
const hostCid = "2";

export function planTdx({ config, host }: LaunchInputs, initdata: PodInitdata | undefined): TeePlan {
  if (!host.qemu.objects.includes("tdx-guest")) {
    throw new EnvironmentLacks(
      `this QEMU (${host.qemu.version}) has no tdx-guest object`,
      "use QEMU 10.1 or newer, and check that paths.qemu names the one you mean",
    );
  }
  const { mrowner, mrownerconfig } = config.tdx;
  const quoteSocket = chooseQuoteSocket(config, host);
  return {
    kind: "tdx",
    ...(initdata === undefined ? {} : { mrconfigid: initdata.mrconfigid }),
    ...(mrowner === "" ? {} : { mrowner }),
    ...(mrownerconfig === "" ? {} : { mrownerconfig }),
    ...(quoteSocket === undefined ? {} : { quoteSocket }),
  };
}

function chooseQuoteSocket(config: RuntimeConfig, host: HostFacts): QuoteSocket | undefined {
  if (host.quoteSocket) return { type: "unix", path: config.tdx.quoteSocket };
  if (config.tdx.quoteVsockPort === 0) return undefined;
  return { type: "vsock", cid: hostCid, port: String(config.tdx.quoteVsockPort) };
}
