import type { MaskingRules } from "../../core/masking/rule.ts";
import type { Upstream } from "../protocol.ts";
import { type Relation, type RiskyFunction, relations, riskyFunctions, visit } from "./inspect.ts";
import { comment, identifier, qualified } from "./quote.ts";
import type { PostgresSettings } from "./settings.ts";

/**
 * The SQL that makes the target's role a guard of its own: reads only, never a masked column, no way round. To be read and
 * run by the database's owner.
 */
export async function harden(upstream: Upstream<PostgresSettings>, masking: MaskingRules): Promise<string> {
  const { user, password, database } = upstream.settings;
  const role = identifier(user);
  const { found, risky } = await visit(upstream, { user, password }, async (link) => ({
    found: await relations(link, masking),
    risky: await riskyFunctions(link),
  }));
  const lines = [
    comment(`ihc targets harden ${upstream.target.name}: read it, then run it as the owner of the database`),
    comment(
      "roles and PUBLIC may hold further rights through other grants; run ihc gateway check afterwards",
    ),
    "begin;",
    `alter role ${role} with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls;`,
    `alter role ${role} set default_transaction_read_only = on;`,
    `alter role ${role} set standard_conforming_strings = on;`,
    ...powers.map((power) => `revoke ${identifier(power)} from ${role};`),
    `revoke create, temporary on database ${identifier(database)} from ${role};`,
    `revoke temporary on database ${identifier(database)} from public;`,
    ...schemas(found).flatMap((schema) => schemaLines(schema, found, role)),
    ...risky.flatMap((one) => functionLines(one, role)),
    "commit;",
  ];
  return `${lines.join("\n")}\n`;
}

const powers = [
  "pg_read_server_files",
  "pg_write_server_files",
  "pg_execute_server_program",
  "pg_read_all_data",
  "pg_write_all_data",
  "pg_signal_backend",
  "pg_monitor",
  "pg_read_all_stats",
];

function schemas(found: readonly Relation[]): readonly string[] {
  return [...new Set(found.map(({ schema }) => schema))];
}

function schemaLines(schema: string, found: readonly Relation[], role: string): readonly string[] {
  const name = identifier(schema);
  return [
    `revoke create on schema ${name} from public, ${role};`,
    `revoke all on all tables in schema ${name} from public, ${role};`,
    `revoke all on all sequences in schema ${name} from public, ${role};`,
    `grant usage on schema ${name} to ${role};`,
    ...found.filter((relation) => relation.schema === schema).map((relation) => grantLine(relation, role)),
  ];
}

/** A masked column is not granted at all: what the role cannot read, no statement can leak. */
function grantLine({ schema, name, columns, overMasked }: Relation, role: string): string {
  const relation = qualified(schema, name);
  const open = columns.filter(({ masked }) => !masked).map((column) => identifier(column.name));
  if (overMasked) return comment(`not granted, it reads masked columns: ${relation}`);
  if (open.length === 0) return comment(`not granted, all columns are masked: ${relation}`);
  if (open.length === columns.length) return `grant select on ${relation} to ${role};`;
  return `grant select (${open.join(", ")}) on ${relation} to ${role};`;
}

/** The server itself writes identity arguments, quoted where they need it. */
function functionLines(risky: RiskyFunction, role: string): readonly string[] {
  const { schema, name, arguments: list } = risky;
  return [`revoke execute on routine ${qualified(schema, name)}(${list}) from public, ${role};`];
}
