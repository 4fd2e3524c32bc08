// An OCI image layout, or the archive `docker save` writes, down to one image: its configuration and
// its layers, for this machine's processor (image-spec: image-layout.md, manifest.md, config.md).
import { stat } from "node:fs/promises";
import { type Decode, integer, list, may, must, object, record, text } from "../../lib/decode.ts";
import { InvalidRequest, Unsupported } from "../../lib/errors.ts";
import { type BlobStore, blobName, openBlobs, readDocument, verified } from "./blobs.ts";

export interface ImageConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly StopSignal?: string;
}

export interface ImageLayer {
  /** of the blob; for an archive of `docker save`, of the uncompressed layer */
  readonly digest: string;
  /** of the uncompressed tar */
  readonly diffId: string;
  /** the blob's bytes, checked while they are read */
  open(): AsyncIterable<Buffer>;
}

export interface OciImage {
  /** as the layout calls it; empty when it has no name */
  readonly name: string;
  /** of the manifest, or of the configuration where there is none */
  readonly digest: string;
  readonly config: ImageConfig;
  /** lowest first */
  readonly layers: readonly ImageLayer[];
}

interface Descriptor {
  readonly mediaType?: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string; readonly os: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

const texts = list(text);
const size = integer(0, Number.MAX_SAFE_INTEGER);
const descriptor = object<Descriptor>({
  mediaType: may(text),
  digest: must(text),
  size: must(size),
  platform: may(object<{ architecture: string; os: string }>({ architecture: must(text), os: must(text) })),
  annotations: may(record(text)),
});
const index = object<{ readonly manifests: readonly Descriptor[] }>({ manifests: must(list(descriptor)) });
const manifest = object<{ readonly config: Descriptor; readonly layers: readonly Descriptor[] }>({
  config: must(descriptor),
  layers: must(list(descriptor)),
});
const configFile = object<{
  readonly architecture?: string;
  readonly os?: string;
  readonly config?: ImageConfig;
  readonly rootfs: { readonly diff_ids: readonly string[] };
}>({
  architecture: may(text),
  os: may(text),
  config: may(
    object<ImageConfig>({
      User: may(text),
      Env: may(texts),
      Entrypoint: may(texts),
      Cmd: may(texts),
      WorkingDir: may(text),
      StopSignal: may(text),
    }),
  ),
  rootfs: must(object<{ readonly diff_ids: readonly string[] }>({ diff_ids: must(texts) })),
});
const dockerManifest = list(
  object<{ readonly Config: string; readonly RepoTags?: readonly string[]; readonly Layers: readonly string[] }>({
    Config: must(text),
    RepoTags: may(texts),
    Layers: must(texts),
  }),
);

const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** `LAYOUT[:REF]`: a directory or a tar archive, and which of its images. */
export async function openImage(reference: string): Promise<OciImage> {
  const { path, ref } = await splitReference(reference);
  const blobs = await openBlobs(path);
  if (await blobs.has("index.json")) return await fromLayout(blobs, ref);
  if (await blobs.has("manifest.json")) return await fromDockerArchive(blobs, ref);
  throw new InvalidRequest("--oci", `${path} is neither an OCI image layout nor an archive of one`);
}

/** Both halves may hold colons: the shortest beginning that exists is the path. */
async function splitReference(reference: string): Promise<{ path: string; ref: string }> {
  const ends = [...reference.matchAll(/:/g)].map((match) => match.index);
  for (const end of [...ends, reference.length]) {
    const path = reference.slice(0, end);
    const exists = await stat(path).then(
      () => true,
      () => false,
    );
    if (path !== "" && exists) return { path, ref: reference.slice(end + 1) };
  }
  throw new InvalidRequest("--oci", `there is no ${reference}`);
}

async function fromLayout(blobs: BlobStore, ref: string): Promise<OciImage> {
  const { manifests } = decode(index, await readDocument(blobs, "index.json"), "index.json");
  const chosen = chooseByName(manifests, ref);
  const found = await resolvePlatform(blobs, chosen);
  const document = decode(manifest, await readBlob(blobs, found), found.digest);
  const { config, diffIds } = await readConfig(await readBlob(blobs, document.config), document.config.digest);
  if (diffIds.length !== document.layers.length) {
    throw new InvalidRequest(
      "--oci",
      `the manifest has ${document.layers.length} layers, the configuration ${diffIds.length}`,
    );
  }
  const layers = document.layers.map((layer, at) => ({
    digest: layer.digest,
    diffId: diffIds[at] ?? "",
    open: () => verified(blobs.open(blobName(layer.digest)), layer),
  }));
  return { name: nameOf(chosen), digest: found.digest, config, layers };
}

function chooseByName(manifests: readonly Descriptor[], ref: string): Descriptor {
  const found = ref === "" ? manifests : manifests.filter((one) => namesOf(one).includes(ref) || one.digest === ref);
  const [first] = found;
  if (first !== undefined && found.every((one) => one.digest === first.digest)) return first;
  const known = [...new Set(manifests.map(nameOf).filter((name) => name !== ""))].join(", ") || "none has a name";
  throw new InvalidRequest(
    "--oci",
    ref === "" ? `holds several images, name one after a colon: ${known}` : `holds no ${ref}: ${known}`,
  );
}

function namesOf({ annotations = {} }: Descriptor): readonly string[] {
  const keys = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
  return keys.map((key) => annotations[key]).filter((name) => name !== undefined);
}

function nameOf(one: Descriptor): string {
  return namesOf(one)[0] ?? "";
}

/** Follows one level of nested indexes, as images for several processors have. */
async function resolvePlatform(blobs: BlobStore, chosen: Descriptor): Promise<Descriptor> {
  if (!/(image\.index|manifest\.list)/.test(chosen.mediaType ?? "")) return chosen;
  const architecture = architectures[process.arch] ?? process.arch;
  const { manifests } = decode(index, await readBlob(blobs, chosen), chosen.digest);
  const found = manifests.find(({ platform }) => platform?.os === "linux" && platform.architecture === architecture);
  if (found !== undefined) return found;
  const offered = manifests.map(({ platform }) => `${platform?.os}/${platform?.architecture}`).join(", ");
  throw new Unsupported(`the image ${nameOf(chosen)}`, `it has nothing for linux/${architecture}, only ${offered}`);
}

/** Layers are plain or compressed tars, checked by what the configuration says of them uncompressed. */
async function fromDockerArchive(blobs: BlobStore, ref: string): Promise<OciImage> {
  const images = decode(dockerManifest, await readDocument(blobs, "manifest.json"), "manifest.json");
  const found = ref === "" ? images : images.filter((image) => image.RepoTags?.includes(ref));
  const [image] = found;
  if (image === undefined || found.length > 1) {
    const known = images.flatMap((one) => one.RepoTags ?? []).join(", ");
    throw new InvalidRequest("--oci", `name one image of the archive after a colon: ${known}`);
  }
  const digest = `sha256:${image.Config.replace(/^.*\//, "").replace(/\.json$/, "")}`;
  const bytes = await collect(verified(blobs.open(image.Config), { digest }));
  const { config, diffIds } = await readConfig(bytes, image.Config);
  if (diffIds.length !== image.Layers.length)
    throw new InvalidRequest("--oci", "its manifest and configuration differ in layers");
  const layers = image.Layers.map((name, at) => {
    const diffId = diffIds[at] ?? "";
    return { digest: diffId, diffId, open: () => blobs.open(name) };
  });
  return { name: image.RepoTags?.[0] ?? "", digest, config, layers };
}

async function readConfig(bytes: Buffer, name: string): Promise<{ config: ImageConfig; diffIds: readonly string[] }> {
  const { config = {}, rootfs, os = "linux", architecture } = decode(configFile, bytes, name);
  const ours = architectures[process.arch] ?? process.arch;
  if (os !== "linux" || (architecture !== undefined && architecture !== "" && architecture !== ours)) {
    throw new Unsupported(`an image for ${os}/${architecture}`, `this machine runs linux/${ours}`);
  }
  return { config, diffIds: rootfs.diff_ids };
}

async function readBlob(blobs: BlobStore, { digest, size: bytes }: Descriptor): Promise<Buffer> {
  const name = blobName(digest);
  const document: BlobStore = { ...blobs, open: () => verified(blobs.open(name), { digest, size: bytes }) };
  return await readDocument(document, name);
}

async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
  return await readDocument({ has: async () => true, open: () => source }, "the configuration");
}

function decode<T>(as: Decode<T>, bytes: Buffer, name: string): T {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new InvalidRequest("--oci", `${name} is not JSON`, { cause: error });
  }
  return as(value, name);
}
