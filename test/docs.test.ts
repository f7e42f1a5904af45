import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

const documents = ["README.md", "SECURITY.md", "CHANGELOG.md", ...globSync("docs/**/*.md")].filter(
  existsSync,
);

test("every relative link in the documents leads somewhere", () => {
  const broken = documents.flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .map(([, link = ""]) => join(dirname(file), link))
      .filter((path) => !existsSync(path))
      .map((path) => `${file} -> ${path}`),
  );
  assert.deepEqual(broken, []);
});

test("every file that the architecture names exists", () => {
  const text = readFileSync("docs/architecture.md", "utf8");
  const layers = "base|core|protocols|tunnel|storage|web|gateway|agent|cli|demo";
  const named = [...text.matchAll(new RegExp(`\`(?:src/)?((?:${layers})/[a-z0-9/.-]+)\``, "g"))].map(
    ([, name = ""]) => name,
  );
  assert.ok(named.length > 25, "the walk names its files");
  const missing = named.filter((name) => !existsSync(`src/${name}`) && !existsSync(`src/${name}.ts`));
  assert.deepEqual(missing, []);
});
