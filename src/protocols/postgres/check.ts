import type { MaskingRules } from "../../core/masking/rule.ts";
import type { Finding, Upstream } from "../protocol.ts";
import { relations, riskyFunctions, visit } from "./inspect.ts";
import type { Credential, PostgresSettings } from "./settings.ts";
import type { Link } from "./upstream.ts";

/** Connects with each of the target's roles and reports what it could do if the gateway's parser were fooled. */
export async function check(
  upstream: Upstream<PostgresSettings>,
  masking: MaskingRules,
): Promise<readonly Finding[]> {
  const { user, password, roles } = upstream.settings;
  const reader = await visit(upstream, { user, password }, (link) =>
    inspect(link, user, true, upstream, masking),
  );
  const { write } = roles;
  const writer = write
    ? await visit(upstream, write, (link) => inspect(link, write.user, false, upstream, masking))
    : [];
  return [...transport(upstream.settings), ...reader, ...writer];
}

async function inspect(
  link: Link,
  user: Credential["user"],
  reads: boolean,
  upstream: Upstream<PostgresSettings>,
  masking: MaskingRules,
): Promise<readonly Finding[]> {
  const attributes = await roleAttributes(link, user, upstream.settings.allow_superuser);
  const rest = [
    ...(await memberships(link, user)),
    ...(reads ? await readOnlyDefault(link, user, upstream.target.name) : []),
    ...(await reach(link, user, reads, upstream.target.name, masking)),
    ...(await functions(link, user)),
  ];
  return [...attributes, ...rest];
}

function transport(settings: PostgresSettings): readonly Finding[] {
  const local = settings.host.startsWith("/") || /^(localhost|127\.|::1$)/.test(settings.host);
  if (settings.tls === "verify-full" || local) return [];
  return [
    {
      severity: settings.tls === "disable" ? "critical" : "warning",
      rule: "tls-not-verified",
      message: `the connection to ${settings.host} uses tls: ${settings.tls}, so another server could answer`,
      hint: "set tls: verify-full and, for a private authority, ca",
    },
  ];
}

async function roleAttributes(
  link: Link,
  user: string,
  allowSuperuser: boolean,
): Promise<readonly Finding[]> {
  const [row] = await link.ask(
    "select rolsuper::text, rolcreaterole::text, rolcreatedb::text, rolreplication::text, rolbypassrls::text from pg_catalog.pg_roles where rolname = current_user",
  );
  const [superuser, createrole, createdb, replication, bypassrls] = (row ?? []).map(
    (value) => value === "true",
  );
  const findings: Finding[] = [];
  const add = (severity: Finding["severity"], rule: string, what: string, hint: string): void => {
    findings.push({ severity, rule, message: `role ${user} ${what}`, hint });
  };
  if (superuser)
    add(
      allowSuperuser ? "warning" : "critical",
      "superuser",
      "is a superuser: no privilege of the database stops it",
      "give the target a role of its own, see ihc targets harden; allow_superuser: true accepts it",
    );
  if (createrole) add("critical", "createrole", "may create roles", "alter role … nocreaterole");
  if (replication)
    add("critical", "replication", "may copy the whole cluster by replication", "alter role … noreplication");
  if (bypassrls) add("critical", "bypassrls", "passes row-level security", "alter role … nobypassrls");
  if (createdb) add("warning", "createdb", "may create databases", "alter role … nocreatedb");
  return findings;
}

/** Predefined roles that reach further than tables, and the worst that each allows. */
const powers: ReadonlyMap<string, string> = new Map([
  ["pg_read_server_files", "may read files of the server"],
  ["pg_write_server_files", "may write files of the server"],
  ["pg_execute_server_program", "may run programs on the server"],
  ["pg_read_all_data", "may read every table, masked columns included"],
  ["pg_write_all_data", "may write every table"],
  ["pg_signal_backend", "may end other people's sessions"],
  ["pg_read_all_stats", "may read other people's statements in pg_stat_activity"],
  ["pg_monitor", "may read other people's statements in pg_stat_activity"],
]);

async function memberships(link: Link, user: string): Promise<readonly Finding[]> {
  const rows = await link.ask(
    "select rolname from pg_catalog.pg_roles where rolname ~ '^pg_' and pg_catalog.pg_has_role(current_user, oid, 'member') and not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) order by 1",
  );
  return rows.flatMap(([name]) => {
    const power = powers.get(name ?? "");
    if (power === undefined || !name) return [];
    const grave = !/stats|monitor/.test(name);
    return [
      {
        severity: grave ? "critical" : "warning",
        rule: name.replaceAll("_", "-"),
        message: `role ${user} ${power}`,
        hint: `revoke ${name} from the role`,
      } as const,
    ];
  });
}

async function readOnlyDefault(link: Link, user: string, target: string): Promise<readonly Finding[]> {
  const [row] = await link.ask("select pg_catalog.current_setting('default_transaction_read_only')");
  if (row?.[0] === "on") return [];
  return [
    {
      severity: "warning",
      rule: "no-read-only-default",
      message: `transactions of role ${user} may write by default`,
      hint: `run the statements of ihc targets harden ${target}`,
    },
  ];
}

async function reach(
  link: Link,
  user: string,
  reads: boolean,
  target: string,
  masking: MaskingRules,
): Promise<readonly Finding[]> {
  const all = await relations(link, masking);
  const hint = `run the statements of ihc targets harden ${target}`;
  const findings: Finding[] = [];
  for (const { schema, name, columns, overMasked } of all) {
    const open = columns.filter(({ readable, masked }) => readable && masked).map((column) => column.name);
    if (open.length > 0)
      findings.push({
        severity: "warning",
        rule: "masked-column-readable",
        message: `role ${user} may read ${schema}.${name} (${open.join(", ")}) unmasked: the masks are the only guard`,
        hint,
      });
    else if (overMasked && columns.some(({ readable }) => readable))
      findings.push({
        severity: "info",
        rule: "view-over-masked-column",
        message: `role ${user} may read ${schema}.${name}, a view over a relation with masked columns`,
        hint,
      });
  }
  const writable = all.filter((relation) => relation.writable);
  if (reads && writable.length > 0)
    findings.push({
      severity: "warning",
      rule: "reader-may-write",
      message: `role ${user} may write ${writable.length} relations, ${first(writable)}`,
      hint,
    });
  return findings;
}

function first(relations: readonly { schema: string; name: string }[]): string {
  const names = relations.slice(0, 3).map(({ schema, name }) => `${schema}.${name}`);
  return `${names.join(", ")}${relations.length > 3 ? ", …" : ""}`;
}

async function functions(link: Link, user: string): Promise<readonly Finding[]> {
  return (await riskyFunctions(link)).map(({ signature, definer }) => ({
    severity: "warning",
    rule: definer ? "definer-function" : "dangerous-function",
    message: `role ${user} may call ${signature}${definer ? ", which runs with its owner's rights" : ""}`,
    hint: "revoke execute on the function from public and from the role",
  }));
}
