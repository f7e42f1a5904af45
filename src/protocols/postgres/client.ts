import type { ClientHelp, LocalAddress, PublicSettings } from "../protocol.ts";

/** The user that local clients log in as; the gateway logs in to the database with a role of its own. */
const user = "ihc";

/**
 * How psql, drivers and MCP servers reach the target through the local port. The password stands in a passfile only;
 * TLS is off on loopback because some drivers fail when it is offered and refused.
 */
export function clientHelp(
  local: LocalAddress,
  target: { readonly name: string },
  settings: PublicSettings,
): ClientHelp {
  const { database: name = "postgres" } = settings;
  const database = String(name);
  const host = local.socket ?? local.host;
  const service = iniName(target.name);
  const dsn = local.socket
    ? `postgresql://${user}@/${encodeURIComponent(database)}?host=${encodeURIComponent(local.socket)}&port=${local.port}&sslmode=disable`
    : `postgresql://${user}@${urlHost(local.host)}:${local.port}/${encodeURIComponent(database)}?sslmode=disable`;
  return {
    lines: [`psql service=${service}`, `DSN for an MCP server: ${dsn} (password in PGPASSFILE)`],
    environment: {
      PGHOST: host,
      PGPORT: String(local.port),
      PGUSER: user,
      PGDATABASE: database,
      PGSSLMODE: "disable",
      PGGSSENCMODE: "disable",
      PGCHANNELBINDING: "disable",
      PGPASSFILE: "pgpass",
      PGSERVICEFILE: "pg_service.conf",
    },
    dsn,
    files: [
      { name: "pgpass", content: (secret) => passLine(host, local.port, database, secret) },
      { name: "pg_service.conf", content: () => serviceSection(service, host, local.port, database) },
    ],
  };
}

/** A colon or backslash in a field of a passfile is written with a backslash before it. */
function passLine(host: string, port: number, database: string, secret: string): string {
  const fields = [host, String(port), database, user, secret];
  return `${fields.map((field) => oneLine(field).replace(/[\\:]/g, "\\$&")).join(":")}\n`;
}

/** The passfile stands beside the service file; libpq takes its place from PGPASSFILE. */
function serviceSection(service: string, host: string, port: number, database: string): string {
  const entries = {
    host,
    port: String(port),
    dbname: database,
    user,
    sslmode: "disable",
    gssencmode: "disable",
  };
  const lines = Object.entries(entries).map(([key, value]) => `${key}=${oneLine(value)}`);
  return `[${service}]\n${lines.join("\n")}\n`;
}

function iniName(name: string): string {
  return name.replace(/[^\w.-]/g, "-");
}

/** A line break would begin an entry of its own. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]/g, " ");
}

function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
