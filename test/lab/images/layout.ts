// Collects images and writes them as an OCI image layout and as import archives, with Node alone.
// Every blob and timestamp is fixed by its inputs.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { directory, EPOCH, file, type TarEntry, tar } from "./tar.ts";

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface Layer {
  readonly diffId: string;
  readonly descriptor: Descriptor;
}

/** The `config` object of an OCI image configuration. */
export interface ImageConfig {
  readonly Env?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly User?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
}

interface Named {
  readonly name: string;
  readonly manifest: Descriptor;
  readonly blobs: readonly string[];
}

const TYPE = "application/vnd.oci.image";
const CREATED = new Date(EPOCH * 1000).toISOString();

export class ImageLayout {
  readonly #blobs = new Map<string, Buffer>();
  readonly #images: Named[] = [];

  layer(entries: readonly TarEntry[]): Layer {
    const raw = tar(entries);
    return { diffId: digestOf(raw), descriptor: this.#put(`${TYPE}.layer.v1.tar+gzip`, gzipSync(raw, { level: 6 })) };
  }

  /** Adds one image under several names; returns the digest of its manifest. */
  image(names: readonly string[], layers: readonly Layer[], config: ImageConfig): string {
    const configuration = this.#put(
      `${TYPE}.config.v1+json`,
      json({
        created: CREATED,
        architecture: process.arch === "arm64" ? "arm64" : "amd64",
        os: "linux",
        config,
        rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
        history: layers.map(() => ({ created: CREATED, created_by: "kata-cvm test images" })),
      }),
    );
    const mediaType = `${TYPE}.manifest.v1+json`;
    const manifest = this.#put(
      mediaType,
      json({ schemaVersion: 2, mediaType, config: configuration, layers: layers.map((layer) => layer.descriptor) }),
    );
    const blobs = [manifest.digest, configuration.digest, ...layers.map((layer) => layer.descriptor.digest)];
    for (const name of names) this.#images.push({ name, manifest, blobs });
    return manifest.digest;
  }

  get names(): readonly string[] {
    return this.#images.map((image) => image.name);
  }

  writeLayout(folder: string): void {
    const blobs = join(folder, "blobs/sha256");
    mkdirSync(blobs, { recursive: true });
    for (const [digest, bytes] of this.#blobs) writeFileSync(join(blobs, hex(digest)), bytes);
    writeFileSync(join(folder, "oci-layout"), VERSION_FILE);
    writeFileSync(join(folder, "index.json"), index(this.#images));
  }

  /** An archive for `ctr images import` that holds the named images alone. */
  archive(names: readonly string[]): Buffer {
    const chosen = this.#images.filter((image) => names.includes(image.name));
    const digests = new Set(chosen.flatMap((image) => image.blobs));
    const blob = (digest: string) => file(`blobs/sha256/${hex(digest)}`, this.#blobs.get(digest) ?? Buffer.alloc(0));
    return tar([
      file("oci-layout", VERSION_FILE),
      file("index.json", index(chosen)),
      directory("blobs"),
      directory("blobs/sha256"),
      ...[...digests].map(blob),
    ]);
  }

  #put(mediaType: string, bytes: Buffer): Descriptor {
    const digest = digestOf(bytes);
    this.#blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }
}

const VERSION_FILE = json({ imageLayoutVersion: "1.0.0" });

function index(images: readonly Named[]): Buffer {
  return json({
    schemaVersion: 2,
    mediaType: `${TYPE}.index.v1+json`,
    manifests: images.map(({ name, manifest }) => ({
      ...manifest,
      annotations: { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name },
    })),
  });
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function hex(digest: string): string {
  return digest.slice("sha256:".length);
}
