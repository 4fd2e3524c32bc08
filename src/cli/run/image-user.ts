// `USER` of an image or of --user -> numbers, by the image's own account files: `name`, `uid`,
// `name:group` or `uid:gid` (image-spec, config.md). The host's accounts mean nothing here.
import { InvalidRequest } from "../../lib/errors.ts";
import type { User } from "../../oci/types.ts";

export interface Accounts {
  /** text of /etc/passwd and /etc/group; empty when the image has none */
  readonly passwd: string;
  readonly group: string;
}

export interface ImageUser {
  readonly user: User;
  /** home directory, `/` when unknown */
  readonly home: string;
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

const maxId = 0xffff_fffe;

export function resolveUser(wanted: string, accounts: Accounts): ImageUser {
  const [userPart = "", groupPart, ...more] = wanted.split(":");
  if (more.length > 0) throw new InvalidRequest("--user", `${JSON.stringify(wanted)} has more than one colon`);
  const account = findAccount(userPart === "" ? "0" : userPart, parsePasswd(accounts.passwd));
  const groups = parseGroups(accounts.group);
  const gid = groupPart === undefined || groupPart === "" ? account.gid : findGroup(groupPart, groups);
  // a group that was asked for stands alone, as with other engines
  const additional = groupPart === undefined ? groups.filter(({ members }) => members.includes(account.name)) : [];
  const additionalGids = [...new Set(additional.map((group) => group.gid))].filter((other) => other !== gid);
  return {
    user: { uid: account.uid, gid, ...(additionalGids.length === 0 ? {} : { additionalGids }) },
    home: account.home,
  };
}

function findAccount(wanted: string, accounts: readonly Account[]): Account {
  const named = accounts.find(({ name }) => name === wanted);
  if (named !== undefined) return named;
  const uid = parseId(wanted);
  if (uid === undefined) throw new InvalidRequest("--user", `the image has no user ${JSON.stringify(wanted)}`);
  return accounts.find((account) => account.uid === uid) ?? { name: "", uid, gid: 0, home: "/" };
}

function findGroup(wanted: string, groups: readonly { name: string; gid: number }[]): number {
  const gid = groups.find(({ name }) => name === wanted)?.gid ?? parseId(wanted);
  if (gid === undefined) throw new InvalidRequest("--user", `the image has no group ${JSON.stringify(wanted)}`);
  return gid;
}

function parsePasswd(text: string): readonly Account[] {
  return rows(text).flatMap(([name = "", , uid = "", gid = "", , home = ""]) => {
    const ids = [parseId(uid), parseId(gid)] as const;
    if (name === "" || ids[0] === undefined || ids[1] === undefined) return [];
    return [{ name, uid: ids[0], gid: ids[1], home: home.startsWith("/") ? home : "/" }];
  });
}

function parseGroups(text: string): readonly { name: string; gid: number; members: readonly string[] }[] {
  return rows(text).flatMap(([name = "", , gid = "", members = ""]) => {
    const id = parseId(gid);
    return name === "" || id === undefined ? [] : [{ name, gid: id, members: members.split(",") }];
  });
}

function rows(text: string): readonly string[][] {
  return text.split("\n").map((line) => line.trim().split(":"));
}

function parseId(text: string): number | undefined {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return value <= maxId ? value : undefined;
}
