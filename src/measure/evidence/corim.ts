// Reference values as an unsigned CoRIM with one CoMID: draft-ietf-rats-corim, tags 501 and 506.
// Several good values of one register are several reference triples: a verifier accepts any.
import { CborTag, type CborValue, encodeCbor } from "./cbor.ts";
import type { ReferenceSet, ReferenceValue } from "./reference.ts";

const UNSIGNED_CORIM = 501;
const COMID = 506;
/** Named Information Hash Algorithm Registry, by digest size in bytes */
const HASH_IDS = new Map<number, number>([
  [32, 1],
  [48, 7],
  [64, 8],
]);
const VENDOR = "kata-cvm";

const CORIM = { id: 0, tags: 1 } as const;
const TAG = { identity: 1, triples: 4 } as const;
const TRIPLES = { reference: 0 } as const;
const ENVIRONMENT = { class: 0 } as const;
const CLASS = { vendor: 1, model: 2 } as const;
const MEASUREMENT = { key: 0, value: 1 } as const;
const VALUES = { digests: 2, name: 11 } as const;

export function renderCorim(set: ReferenceSet): Buffer {
  const comid = map([
    [TAG.identity, map([[0, `${set.subject} reference values`]])],
    [TAG.triples, map([[TRIPLES.reference, triplesOf(set)]])],
  ]);
  const tags = [new CborTag(COMID, encodeCbor(comid))];
  return encodeCbor(
    new CborTag(
      UNSIGNED_CORIM,
      map([
        [CORIM.id, set.subject],
        [CORIM.tags, tags],
      ]),
    ),
  );
}

/** sha1 registers are left out: the registry of hash ids has no sha1. */
function triplesOf(set: ReferenceSet): CborValue[] {
  const environment = map([
    [
      ENVIRONMENT.class,
      map([
        [CLASS.vendor, VENDOR],
        [CLASS.model, set.subject],
      ]),
    ],
  ]);
  return set.values.flatMap((value) => {
    const measurement = measurementOf(value);
    return measurement === undefined ? [] : [[environment, [measurement]]];
  });
}

function measurementOf({ name, value, label }: ReferenceValue): CborValue | undefined {
  const digest = Buffer.from(value, "hex");
  const hash = HASH_IDS.get(digest.length);
  if (hash === undefined) return undefined;
  const values = map([[VALUES.digests, [[hash, digest]]], ...(label === "" ? [] : [[VALUES.name, label] as const])]);
  return map([
    [MEASUREMENT.key, name],
    [MEASUREMENT.value, values],
  ]);
}

function map(entries: readonly (readonly [number, CborValue])[]): ReadonlyMap<number, CborValue> {
  return new Map(entries);
}
