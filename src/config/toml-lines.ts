// Which line a key stands on. The TOML parser forgets positions, so this looks again, knowing
// only headers, keys and multi-line strings; a form it does not know just has no line.

export function lineOfKey(text: string, section: string, name?: string): { line?: number } {
  let current = "";
  let fence: string | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (fence !== undefined) {
      if (line.includes(fence)) fence = undefined;
      continue;
    }
    const header = /^\[\s*"?([\w-]+)"?\s*\]/.exec(line);
    const entry = /^"?([\w-]+)"?(?:\s*\.\s*"?([\w-]+)"?)?\s*=(.*)$/.exec(line);
    if (header !== null) {
      current = header[1] ?? "";
      if (name === undefined && current === section) return { line: index + 1 };
    } else if (entry !== null) {
      const [, first, second, rest = ""] = entry;
      if (standsFor({ current, first, second }, section, name)) return { line: index + 1 };
      fence = openFence(rest);
    }
  }
  return {};
}

interface Entry {
  readonly current: string;
  readonly first: string | undefined;
  readonly second: string | undefined;
}

function standsFor(entry: Entry, section: string, name: string | undefined): boolean {
  if (entry.current !== "") return entry.current === section && entry.first === name;
  return entry.first === section && (name === undefined || entry.second === name);
}

function openFence(rest: string): string | undefined {
  return ['"""', "'''"].find((fence) => rest.split(fence).length === 2);
}
