// What a run of critest says, as cases with a class and a verdict, and the table a person reads. Pure.
import { type CaseClass, type CritestException, classMeaning, classOf } from "./critest-classes.ts";

/** One entry of Ginkgo's JSON report (types.SpecReport), the fields that are read here. */
export interface Spec {
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly State: string;
  /** nanoseconds */
  readonly RunTime: number;
  readonly Failure?: { readonly Message?: string };
}

export interface Case {
  readonly name: string;
  readonly class: CaseClass;
  readonly state: "passed" | "failed" | "skipped";
  /** not passed, and no exception allows it */
  readonly unexpected: boolean;
  readonly reason?: string;
  readonly seconds: number;
}

/** The cases of one run, by name. Benchmarks and what `--focus` left out are no cases. */
export function judge(specs: readonly Spec[], exceptions: readonly CritestException[]): Case[] {
  const cases = specs.map((spec): Case | undefined => {
    const parts = [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText];
    const name = parts.map((part) => part.replace(/^\[k8s\.io\] /, "")).join(" > ");
    if (/benchmark/i.test(name)) return undefined;
    const exception = exceptions.find((entry) => new RegExp(entry.name).test(name));
    const said = spec.Failure?.Message?.replace(/\s+/g, " ").slice(0, 500);
    // Skipped without a word: not selected by --focus.
    if (spec.State === "skipped" && said === undefined && exception?.leaveOut !== true) return undefined;
    const state = spec.State === "passed" || spec.State === "skipped" ? spec.State : "failed";
    const reason = state === "passed" ? undefined : [exception?.reason, said].filter(Boolean).join(": ");
    const unexpected = state !== "passed" && exception === undefined;
    const common = { name, class: classOf(name), state, unexpected, seconds: spec.RunTime / 1e9 } as const;
    return reason === undefined ? common : { ...common, reason };
  });
  return cases.filter((entry) => entry !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Cases that passed for the peer and failed or were skipped for us, other than those of class D. */
export function worseThan(peer: readonly Case[], ours: readonly Case[]): string[] {
  const passed = new Set(peer.filter((entry) => entry.state === "passed").map((entry) => entry.name));
  return ours
    .filter((entry) => entry.state !== "passed" && entry.class !== "D" && passed.has(entry.name))
    .map((entry) => entry.name);
}

/** Cases that passed under one seed and failed under another. */
export function flaky(runs: readonly (readonly Case[])[]): string[] {
  const named = (state: Case["state"]) =>
    new Set(runs.flatMap((run) => run.filter((entry) => entry.state === state).map((entry) => entry.name)));
  const failed = named("failed");
  return [...named("passed")].filter((name) => failed.has(name));
}

/** One line for each class, then every case that nothing allows. */
export function renderTable(cases: readonly Case[]): string {
  const count = (among: readonly Case[], state: Case["state"]) => among.filter((entry) => entry.state === state).length;
  const lines = ["class  passed  failed  skipped  unexpected  what it asks"];
  for (const [name, meaning] of Object.entries(classMeaning)) {
    const among = cases.filter((entry) => entry.class === name);
    const numbers = [count(among, "passed"), count(among, "failed"), count(among, "skipped")];
    const columns = numbers.map((number, at) => String(number).padStart(at === 2 ? 9 : 8));
    columns.push(String(among.filter((entry) => entry.unexpected).length).padStart(12));
    lines.push(`${name.padEnd(5)}${columns.join("")}  ${meaning}`);
  }
  for (const entry of cases.filter((each) => each.unexpected)) {
    lines.push("", `not expected: ${entry.state}: ${entry.name}`, `  ${entry.reason ?? ""}`);
  }
  return `${lines.join("\n")}\n`;
}
