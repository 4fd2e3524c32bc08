import assert from "node:assert/strict";
import type { Mount } from "../../../src/oci/types.ts";
import { translateContainer } from "../../../src/translate/container.ts";
import { cases, inputOf } from "./cases.ts";

const annotation = "io.kubernetes.container.terminationMessagePath";
const kubelets = "/var/lib/kubelet/pods/u1/containers/web/0a1b2c3d";

interface Change {
  readonly rules?: "share";
  readonly annotations?: Readonly<Record<string, string>>;
  readonly agent?: "common";
}

/** Of a container with this mount: the file that is fetched, and what its agent is told to fetch. */
function fetched(mount: Mount, { rules, annotations, agent }: Change = {}) {
  const name = agent === "common" ? "app-with-common-agent" : "app";
  const one = cases.find((known) => known.name === name);
  assert.ok(one !== undefined);
  const input = inputOf(one);
  const { terminationLog, spec } = translateContainer({
    ...input,
    spec: { ...input.spec, mounts: [mount], annotations: annotations ?? {} },
    sources: new Map([[mount.source ?? "", { kind: "file", mode: 0o666, submounts: [] }]]),
    rules: { ...input.rules, hostPaths: rules ?? "copy" },
  });
  return { hostPath: terminationLog, path: spec.annotations?.[annotation] };
}

const bind = (source: string, destination: string, option = "rw"): Mount => ({
  source,
  destination,
  type: "bind",
  options: ["rbind", option],
});

describe("the file of a termination message", () => {
  it("is fetched when it was copied in: the usual one, the kubelet's wherever it is, and the one that is named", () => {
    assert.deepEqual(fetched(bind("/any/file", "/dev/termination-log")), {
      hostPath: "/any/file",
      path: "/dev/termination-log",
    });
    assert.deepEqual(fetched(bind(kubelets, "/custom/log")), { hostPath: kubelets, path: "/custom/log" });
    const annotations = { [annotation]: "/named" };
    assert.deepEqual(fetched(bind("/any/file", "/named"), { annotations }), { hostPath: "/any/file", path: "/named" });
    assert.equal(fetched(bind(kubelets, "/elsewhere"), { annotations }).hostPath, undefined);
  });

  it("is not when it is shared, read-only, or an ordinary file", () => {
    const none = { hostPath: undefined, path: undefined };
    assert.deepEqual(fetched(bind(kubelets, "/dev/termination-log"), { rules: "share" }), none);
    assert.deepEqual(fetched(bind(kubelets, "/dev/termination-log", "ro")), none);
    assert.deepEqual(fetched(bind("/srv/file", "/data")), none);
  });

  it("leaves the annotations of a pod alone whose agent's policy knows them all", () => {
    assert.deepEqual(fetched(bind(kubelets, "/dev/termination-log"), { agent: "common" }), {
      hostPath: kubelets,
      path: undefined,
    });
  });
});
