// A read-only OCI registry over one image layout, on loopback inside the lab's network namespace.
// Names lose their host, as a mirror's do: example.org/pause:3.9 is served as pause:3.9.
//   node --import tsx test/lab/registry.ts LAYOUT [PORT]
import { createReadStream, readFileSync, statSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";

interface IndexEntry {
  readonly digest: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const [layout = ".", port = "5000"] = process.argv.slice(2);
const manifest = "application/vnd.oci.image.manifest.v1+json";
const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as { manifests: IndexEntry[] };
const tags = new Map(
  index.manifests.map((entry) => [
    entry.annotations["io.containerd.image.name"]?.replace(/^[^/]+\//, ""),
    entry.digest,
  ]),
);

const server = createServer((request, response) => {
  const path = new URL(request.url ?? "/", "http://lab").pathname;
  response.setHeader("Docker-Distribution-API-Version", "registry/2.0");
  if (request.method !== "GET" && request.method !== "HEAD") return void answer(response, 405, "read only");
  if (/^\/v2\/?$/.test(path)) return void answer(response, 200, "{}");
  const [, name, kind, reference = ""] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
  const digest = reference.startsWith("sha256:") ? reference : tags.get(`${name}:${reference}`);
  const blob = blobOf(digest);
  if (digest === undefined || blob === undefined)
    return void answer(response, 404, '{"errors":[{"code":"NOT_FOUND"}]}');
  response.setHeader("Docker-Content-Digest", digest);
  response.setHeader("Content-Type", kind === "manifests" ? manifest : "application/octet-stream");
  response.setHeader("Content-Length", blob.size);
  if (request.method === "HEAD") response.end();
  else createReadStream(blob.path).pipe(response);
});
server.listen(Number(port), "127.0.0.1");

function blobOf(digest: string | undefined): { path: string; size: number } | undefined {
  if (digest === undefined || !/^sha256:[0-9a-f]{64}$/.test(digest)) return undefined;
  const path = join(layout, "blobs/sha256", digest.slice(7));
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  return size === undefined ? undefined : { path, size };
}

function answer(response: ServerResponse, status: number, body: string): void {
  response
    .writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) })
    .end(body);
}
