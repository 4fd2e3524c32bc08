// README promise: the pod has the address that CNI gave it, reaches its gateway, is reached from
// the host, and its containers see each other on localhost.
import assert from "node:assert/strict";
import { mustSucceed, type Outcome } from "../lab/command.ts";
import { WEB_IMAGE } from "../lab/images/catalog.ts";
import { GATEWAY } from "../lab/start-lab.ts";
import type { Pod } from "../support/cri.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, usePods } from "../support/e2e.ts";
import { Interactive } from "../support/interactive.ts";

const PAGE = /It works/;
const HOST_PORT = 18_080;

describe("A pod's network", function () {
  this.timeout(60_000);
  const e2e = usePods();
  let pod: Pod;
  let shell: string;
  let address: string;

  before(async function () {
    this.timeout(BOOT_LIMIT_MS);
    await e2e.cri.text(["pull", WEB_IMAGE]);
    pod = await e2e.cri.runPod({
      hostname: "a-pod-name",
      dns: { servers: [GATEWAY, "192.0.2.53"], searches: ["lab.example", "example"] },
      portMappings: [{ container_port: 80, host_port: HOST_PORT }],
    });
    shell = await e2e.cri.start(pod);
    await e2e.cri.start(pod, { image: WEB_IMAGE });
    address = await e2e.cri.podAddress(pod);
  });

  const fetchInLab = async (url: string): Promise<Outcome> => {
    const script = `fetch(${JSON.stringify(url)}).then((r) => r.text()).then((t) => process.stdout.write(t))`;
    return await mustSucceed(e2e.cri.lab.exec([process.execPath, "-e", script], { timeoutMs: 15_000 }));
  };

  it("the interface in the pod has the address that the pod's status shows", async () => {
    assert.match(
      await e2e.cri.exec(shell, ["ip", "-o", "-4", "addr", "show", "eth0"]),
      new RegExp(`inet ${address}/16 `),
    );
    assert.match(await e2e.cri.exec(shell, ["ip", "route"]), new RegExp(`default via ${GATEWAY} `));
  });

  it("a server in the pod answers the host on the pod's address", async () => {
    assert.match((await fetchInLab(`http://${address}/`)).stdout.toString("utf8"), PAGE);
  });

  it("a server in the pod answers on a mapped port of the host", async () => {
    assert.match((await fetchInLab(`http://127.0.0.1:${HOST_PORT}/`)).stdout.toString("utf8"), PAGE);
  });

  it("another container of the pod reaches the server on localhost", async () => {
    assert.match(await e2e.cri.exec(shell, ["wget", "-T", "10", "-qO-", "http://127.0.0.1/"]), PAGE);
  });

  it("the pod reaches its gateway", async () => {
    assert.match(await e2e.cri.exec(shell, ["ping", "-c", "2", "-W", "5", GATEWAY]), /2 packets received|2 received/);
  });

  it("large packets cross the pod's network whole", async () => {
    assert.match(
      await e2e.cri.exec(shell, ["ping", "-c", "1", "-W", "5", "-s", "8000", GATEWAY]),
      /1 packets received|1 received/,
    );
  });

  it("the DNS settings and the hostname are the pod's", async () => {
    const resolver = await e2e.cri.exec(shell, ["cat", "/etc/resolv.conf"]);
    assert.match(resolver, new RegExp(`nameserver ${GATEWAY}\\n(.*\\n)*nameserver 192\\.0\\.2\\.53`));
    assert.match(resolver, /search lab\.example example/);
    assert.equal(await e2e.cri.exec(shell, ["hostname"]), "a-pod-name");
  });

  it("port-forward reaches the server", async () => {
    await using forward = new Interactive(e2e.cri.lab, ["crictl", "port-forward", pod.id, "18081:80"]);
    await forward.until(/Forwarding from/);
    assert.match((await fetchInLab("http://127.0.0.1:18081/")).stdout.toString("utf8"), PAGE);
  });

  it("leaves nothing behind", async () => {
    await assertNothingLeft(e2e);
  });
});
