// What a pod owns on the host. Entries are plain data because `delete` runs in another process,
// after a crash, with nothing but the ledger file. The rule: `claim` resolves (the entry is on
// disk) before the thing is acquired; `release` follows once it is surely gone.

/** A process is first claimed by `match` alone, then again with its pid once it runs. */
export interface OwnedProcess {
  readonly kind: "process";
  readonly name: string;
  /** text unique to this pod that stands in the process's command line, such as its run directory */
  readonly match: string;
  readonly pid?: number;
  /** field 22 of /proc/PID/stat; a recycled pid has another */
  readonly startTime?: string;
}

export type OwnedThing =
  | OwnedProcess
  /** file, socket, FIFO or directory tree */
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "mount"; readonly path: string }
  /** tap `name` made in `netns` (a path), with redirect filters on `peer` */
  | { readonly kind: "tap"; readonly netns: string; readonly name: string; readonly peer: string }
  /** nftables table `name` of family ip in `netns` (a path) */
  | { readonly kind: "nft-table"; readonly netns: string; readonly name: string }
  | { readonly kind: "cgroup"; readonly path: string };

/** Handed down to whatever acquires; implemented by pod/ledger.ts. */
export interface Ownership {
  claim(thing: OwnedThing): Promise<void>;
  release(thing: OwnedThing): Promise<void>;
}
