// The images of the tests and of critest, under the names that critest asks for (cri-tools,
// pkg/framework and pkg/validate); what is inside them is ours: busybox and three small programs.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ImageConfig, ImageLayout, type Layer } from "./layout.ts";
import { directory, file, hardlink, symlink, type TarEntry } from "./tar.ts";

const K8S = "registry.k8s.io";
const E2E = `${K8S}/e2e-test-images`;
const CRI = "gcr.io/k8s-staging-cri-tools";

/** Sandbox image of the lab: a name of its own, so that no case of critest removes it. */
export const PAUSE_IMAGE = `${K8S}/pause:lab`;
/** The image of the tests' containers. */
export const BUSYBOX_IMAGE = `${E2E}/busybox:1.29-2`;
/** Answers HTTP on port 80 as /usr/sbin/nginx PORT. */
export const WEB_IMAGE = `${E2E}/nginx:1.14-2`;

const ENV = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
const PASSWD = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\n";
const NOBODY = "nobody:x:65534:65534:nobody:/home:/bin/false\n";
const GROUP = "root:x:0:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n";

export interface ImageInputs {
  /** static busybox */
  readonly busybox: string;
  /** folder with the static programs pause, web and nnp */
  readonly programs: string;
}

export interface Catalog {
  readonly layout: ImageLayout;
  /** digest of the one image that critest pulls by digest */
  readonly digestOfPinned: string;
}

export function buildCatalog(inputs: ImageInputs): Catalog {
  const layout = new ImageLayout();
  const program = (name: string) => readFileSync(join(inputs.programs, name));
  const busybox = layout.layer(busyboxFiles(inputs.busybox));
  const pause = layout.layer([file("pause", program("pause"), 0o755)]);
  const pauseConfig: ImageConfig = { User: "65535:65535", Entrypoint: ["/pause"], Env: ENV };
  const shell: ImageConfig = { Env: ENV, Cmd: ["sh"] };
  layout.image([PAUSE_IMAGE], [pause], { ...pauseConfig, Labels: { lab: "sandbox" } });
  layout.image([BUSYBOX_IMAGE], [busybox], shell);
  layout.image([`${K8S}/pause:3.9`, "k8s.gcr.io/pause:3.9"], [pause], pauseConfig);
  addWebServers(layout, busybox, program("web"));
  layout.image([`${E2E}/nonewprivs:1.3`], [busybox, layout.layer([file("nnp", program("nnp"), 0o4755)])], {
    Env: ENV,
    Entrypoint: ["/nnp"],
  });
  addUsers(layout, busybox, shell);
  return { layout, digestOfPinned: addMarked(layout, busybox, shell) };
}

function addWebServers(layout: ImageLayout, busybox: Layer, web: Buffer): void {
  const server = (name: string) => layout.layer([file(`usr/sbin/${name}`, web, 0o755)]);
  // critest looks for the words "master process" in the command line of nginx.
  const nginx = (port: string): ImageConfig => ({
    Env: ENV,
    Entrypoint: ["/usr/sbin/nginx", port, "/var/run/nginx.pid", "master process"],
    ExposedPorts: { [`${port}/tcp`]: {} },
  });
  layout.image([WEB_IMAGE], [busybox, server("nginx")], nginx("80"));
  layout.image([`${E2E}/httpd:2.4.39-4`], [busybox, server("httpd")], {
    Env: ENV,
    Entrypoint: ["/usr/sbin/httpd", "80", "/var/run/httpd.pid"],
    ExposedPorts: { "80/tcp": {} },
  });
  const hostNetwork = ["amd64", "arm64"].map((arch) => `${CRI}/hostnet-nginx-${arch}:latest`);
  layout.image(hostNetwork, [busybox, server("nginx")], nginx("12003"));
}

function addMarked(layout: ImageLayout, busybox: Layer, shell: ImageConfig): string {
  const marked = (names: readonly string[], mark: string) =>
    layout.image(
      names.map((name) => `${CRI}/${name}`),
      [busybox, layout.layer([file(mark, `${mark}\n`)])],
      shell,
    );
  marked(["test-image-latest:latest"], "test-image-latest");
  marked(["test-image-tag:test", "test-image-tag:all"], "test-image-tag");
  for (const number of [1, 2, 3]) marked([`test-image-${number}:latest`], `test-image-${number}`);
  marked(["test-image-tags:1", "test-image-tags:2", "test-image-tags:3"], "test-image-tags");
  return marked(["test-image-digest:test"], "test-image-digest");
}

function addUsers(layout: ImageLayout, busybox: Layer, shell: ImageConfig): void {
  const users = { uid: "1002", username: "www-data", "uid-group": "1003:users", "username-group": "www-data:100" };
  for (const [name, User] of Object.entries(users)) {
    layout.image([`${CRI}/test-image-user-${name}:latest`], [busybox], { ...shell, User });
  }
  const owner = { uid: 1000, gid: 1000 };
  const accounts = layout.layer([
    file("etc/passwd", `${PASSWD}${NOBODY}default-user:x:1000:1000::/home/default-user:/bin/sh\n`),
    file("etc/group", `${GROUP}default-user:x:1000:\ngroup-defined-in-image:x:50000:default-user\n`),
    directory("home/default-user", 0o755, owner),
  ]);
  layout.image([`${CRI}/test-image-predefined-group:latest`], [busybox, accounts], { ...shell, User: "1000" });
}

function busyboxFiles(busybox: string): TarEntry[] {
  const applets = execFileSync(busybox, ["--list"], { encoding: "utf8" }).split("\n");
  const folders = ["bin", "dev", "etc", "home", "proc", "root", "run", "sbin", "sys"];
  return [
    ...[...folders, "usr", "usr/bin", "usr/sbin", "var", "var/www"].map((path) => directory(path)),
    directory("tmp", 0o1777),
    symlink("var/run", "../run"),
    file("bin/busybox", readFileSync(busybox), 0o755),
    // Hard links: a case of critest masks /bin/ls alone, and masking a symlink masks its target.
    ...applets
      .filter((name) => name !== "" && name !== "busybox")
      .map((name) => hardlink(`bin/${name}`, "bin/busybox")),
    file("etc/passwd", PASSWD + NOBODY),
    file("etc/group", GROUP),
    file("etc/shadow", "root:*:::::::\n", 0o600),
    file("etc/hostname", "lab\n"),
    file("etc/os-release", 'ID=lab\nNAME="busybox of the lab"\n'),
  ];
}
