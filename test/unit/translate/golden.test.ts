// Goldens are reviewed as files; UPDATE_GOLDEN=1 writes them anew.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { translateContainer } from "../../../src/translate/container.ts";
import { cases, goldenRoot, inputOf, outcomeOf } from "./cases.ts";

describe("translateContainer", () => {
  for (const one of cases) {
    it(`makes of ${one.name} what its golden file says`, () => {
      const path = `${goldenRoot}${one.name}/expected.json`;
      const outcome = outcomeOf(inputOf(one));
      if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, `${JSON.stringify(outcome, null, 2)}\n`);
      assert.ok(existsSync(path), `${path} is missing; run with UPDATE_GOLDEN=1 and review it`);
      assert.deepEqual(outcome, JSON.parse(readFileSync(path, "utf8")));
    });

    it(`leaves no path of the host in the guest's spec of ${one.name}, but for two annotations`, () => {
      const input = inputOf(one);
      const { annotations, ...spec } = translateContainer(input).spec;
      const text = JSON.stringify(spec, (_key, value) => (typeof value === "bigint" ? String(value) : value));
      const namespaces = (input.spec.linux.namespaces ?? []).flatMap(({ path }) => path ?? []);
      const lists: readonly (readonly { path: string }[] | undefined)[] = Object.values(input.spec.hooks ?? {});
      const hooks = lists.flatMap((list) => (list ?? []).map(({ path }) => path));
      const sources = [...input.sources.keys()];
      for (const path of [...namespaces, ...hooks, ...sources, input.bundle]) {
        assert.ok(!text.includes(JSON.stringify(path).slice(1, -1)), path);
      }
      const allowed = ["io.katacontainers.pkg.oci.bundle_path", "nerdctl/network-namespace"];
      for (const [key, value] of Object.entries(annotations ?? {})) {
        if (!allowed.includes(key))
          for (const path of [...namespaces, ...sources, input.bundle]) assert.notEqual(value, path);
      }
    });

    it(`changes nothing of the spec it was given for ${one.name}`, () => {
      const input = inputOf(one);
      const before = structuredClone(input.spec);
      translateContainer(input);
      assert.deepEqual(input.spec, before);
    });
  }
});
