import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";

/** Ground first. A folder may import from itself and from those its row names, types included. */
const layers: Record<string, readonly string[]> = {
  base: [],
  core: ["base"],
  protocols: ["base", "core"],
  tunnel: ["base"],
  storage: ["base", "core"],
  web: ["base", "core"],
  gateway: ["base", "core", "protocols", "tunnel", "storage", "web"],
  agent: ["base", "core", "protocols", "tunnel", "web"],
  mcp: ["base", "core", "protocols", "agent"],
  cli: ["base", "core", "protocols", "storage", "web", "gateway", "agent", "mcp", "demo"],
  demo: ["base", "core", "protocols", "tunnel", "storage", "web", "gateway", "agent"],
};
const pure = /^src\/(base\/|core\/|protocols\/[^/]+\/wire\/)/;
const io = /^node:(net|http|https|http2|tls|dgram|child_process|fs|os|process)(\/|$)/;

const files = globSync("src/**/*.ts").map((f) => f.replaceAll("\\", "/"));
const imports = new Map(files.map((file) => [file, importsOf(file)]));

test("imports run downwards only", () => {
  for (const [file, targets] of imports)
    for (const target of targets.filter((t) => t.startsWith("src/"))) {
      const [from, to] = [layerOf(file), layerOf(target)];
      assert.ok(from === to || layers[from]?.includes(to), `${file} must not import ${target}`);
    }
});

test("protocols do not know each other", () => {
  for (const [file, targets] of imports) {
    const own = /^src\/protocols\/([^/]+)\//.exec(file)?.[1];
    for (const target of targets) {
      const other = /^src\/protocols\/([^/]+)\//.exec(target)?.[1];
      if (own && other) assert.equal(own, other, `${file} imports ${target}`);
    }
  }
});

test("the core and the codecs do no I/O", () => {
  for (const [file, targets] of imports)
    if (pure.test(file))
      assert.deepEqual(
        targets.filter((t) => io.test(t)),
        [],
        file,
      );
});

test("no import cycles, type imports included", () => {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    assert.ok(!path.includes(file), [...path, file].join(" -> "));
    if (done.has(file)) return;
    for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

function importsOf(file: string): string[] {
  const found = readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g);
  return [...found].map(([, s = ""]) => (s.startsWith(".") ? normalize(join(dirname(file), s)) : s));
}

function layerOf(file: string): string {
  return file.split("/")[1] ?? "";
}
