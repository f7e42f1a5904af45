import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutLiterals } from "../../../src/protocols/postgres/literals.ts";

for (const [sql, shown] of [
  ["select id from t1 where ssn = '1-2' and n = $1", "select id from t1 where ssn = '[masked]' and n = $1"],
  ["select 7391, 1.5e-3, x2 from a.b", "select [masked], [masked], x2 from a.b"],
  [
    "select 'it''s', E'a\\'b', $$x$$, $t$ $$ y $t$, \"col 'x'\" -- 42\n, 1",
    "select '[masked]', E'[masked]', '[masked]', '[masked]', \"col 'x'\" --[masked]\n, [masked]",
  ],
  ["/* a /* 7391 */ b */ select 1", "/*[masked]*/ select [masked]"],
  ["select 'open 7391", "select '[masked]'"],
  [
    "select 'a' 'b'::text, U&'d\\0061t', B'101' - 4 / 2",
    "select '[masked]' '[masked]'::text, U&'[masked]', B'[masked]' - [masked] / [masked]",
  ],
] as const)
  test(`only names are left of: ${sql}`, () => assert.equal(withoutLiterals(sql), shown));

test("a long text costs what its length costs", { timeout: 20_000 }, () => {
  for (const piece of ["'", "$a$ ", "/*", "1-", "a$1", "--\n", '"'])
    assert.ok(withoutLiterals(piece.repeat(200_000)).length > 0);
});
