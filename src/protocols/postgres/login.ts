import { IhcError } from "../../base/errors.ts";
import type { Session } from "../../core/session/session.ts";
import type { Upstream } from "../protocol.ts";
import { type Catalog, openCatalog } from "./catalog.ts";
import type { Credential, PostgresSettings } from "./settings.ts";
import { type Link, logIn } from "./upstream.ts";

/**
 * Logs in for one client connection: the role and the read-only default follow from what the session may do. Throws IhcError
 * `denied` for a superuser, whom nothing in the database stops, unless the target says that it may be one.
 */
export async function logInFor(
  session: Session,
  upstream: Upstream<PostgresSettings>,
  chosen: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Link> {
  const { settings } = upstream;
  const parameters = new Map(chosen);
  parameters.set("application_name", applicationName(session));
  if (readsOnly(session)) parameters.set("default_transaction_read_only", "on");
  const limit = statementTimeout(settings.statement_timeout, chosen.get("statement_timeout"));
  if (limit !== undefined) parameters.set("statement_timeout", String(limit));
  const secret = (reference: string): Promise<string> => upstream.secret(reference);
  const credential = credentialFor(session, settings);
  const link = await logIn(settings, { credential, secret, parameters, signal });
  if (settings.allow_superuser || link.parameters.get("is_superuser") !== "on") return link;
  link.close();
  throw new IhcError("denied", `the target's role ${credential.user} is a superuser, which is refused`, {
    rule: "superuser",
    hint: `tell the gateway's operator: ihc targets harden ${session.target.name}`,
  });
}

/** The target's catalog as the session's role sees it, shared by all connections of that role. */
export function catalogFor(session: Session, upstream: Upstream<PostgresSettings>): Catalog {
  const credential = credentialFor(session, upstream.settings);
  const key = `postgres.catalog:${credential.user}`;
  const known = upstream.shared.get(key);
  if (known instanceof SharedCatalog) return known.catalog;
  const catalog = openCatalog(async () => {
    const link = await logIn(upstream.settings, {
      credential,
      secret: (reference) => upstream.secret(reference),
      parameters: new Map([
        ["application_name", "ihc:catalog"],
        ["default_transaction_read_only", "on"],
      ]),
      signal: AbortSignal.timeout(upstream.settings.connect_timeout),
    });
    return {
      query: (sql) => link.ask(sql),
      describe: (sql) => link.columns(sql),
      end: async () => link.close(),
    };
  });
  upstream.shared.set(key, new SharedCatalog(catalog));
  return catalog;
}

class SharedCatalog {
  readonly catalog: Catalog;

  constructor(catalog: Catalog) {
    this.catalog = catalog;
  }
}

function readsOnly({ effects }: Session): boolean {
  return effects.every((effect) => effect === "read");
}

function credentialFor(session: Session, settings: PostgresSettings): Credential {
  const { write } = settings.roles;
  return write && !readsOnly(session) ? write : { user: settings.user, password: settings.password };
}

/** So that the database's own log names the person; PostgreSQL keeps 63 bytes of printable ASCII. */
function applicationName({ principal, id }: Session): string {
  const person = principal.name.replace(/[^\x21-\x7e]/g, "?").slice(0, 63 - "ihc::".length - id.length);
  return `ihc:${person}:${id}`;
}

/** A client may ask for less than the target's limit, never for more. */
function statementTimeout(limit: number | undefined, asked: string | undefined): number | undefined {
  if (limit === undefined) return undefined;
  const wanted = /^\d{1,9}$/.test(asked ?? "") ? Number(asked) : 0;
  return wanted > 0 ? Math.min(limit, wanted) : limit;
}
