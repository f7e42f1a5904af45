import type { Duplex } from "node:stream";
import { IhcError } from "../../base/errors.ts";
import type { Session } from "../../core/session/session.ts";
import type { Upstream } from "../protocol.ts";
import { fatal } from "./denial.ts";
import { hangUp } from "./hang-up.ts";
import { Inbox } from "./inbox.ts";
import { catalogFor, logInFor } from "./login.ts";
import { relay } from "./relay.ts";
import type { PostgresSettings } from "./settings.ts";
import { type Greeting, greet, refuse } from "./startup.ts";
import type { Link } from "./upstream.ts";
import { WireError } from "./wire/cursor.ts";
import { backendKeyData, parameterStatus, readyForQuery } from "./wire/encode.ts";

/** How long a client may take to log in, milliseconds. */
const handshake = 30_000;

/** Serves one client connection to its end: startup, login at the database, then the relay. Never rejects for a peer. */
export async function serve(
  client: Duplex,
  session: Session,
  upstream: Upstream<PostgresSettings>,
): Promise<void> {
  const inbox = new Inbox(client);
  try {
    const deadline = AbortSignal.any([AbortSignal.timeout(handshake), session.signal]);
    const greeting = await greet(client, inbox, upstream.login, upstream.settings.database, deadline);
    if (greeting.kind === "login") await logInAndRelay(client, inbox, session, upstream, greeting);
    if (greeting.kind === "cancel")
      await upstream.cancels.cancel(session.id, greeting.processId, greeting.secretKey);
  } catch (cause) {
    if (cause instanceof WireError) refuse(client, cause);
    else upstream.log("error", "serving a postgres client failed", { reason: reasonOf(cause) });
  } finally {
    hangUp(client);
  }
}

async function logInAndRelay(
  client: Duplex,
  inbox: Inbox,
  session: Session,
  upstream: Upstream<PostgresSettings>,
  greeting: Extract<Greeting, { kind: "login" }>,
): Promise<void> {
  const patience = AbortSignal.timeout(upstream.settings.connect_timeout);
  const signal = AbortSignal.any([patience, session.signal, inbox.gone]);
  let link: Link;
  try {
    link = await logInFor(session, upstream, greeting.parameters.settings, signal);
  } catch (cause) {
    if (!(cause instanceof IhcError)) throw cause;
    upstream.log("warn", cause.message, { target: upstream.target.name });
    client.write(fatal("08001", `ihc: ${cause.message}`, cause.hint));
    return;
  }
  await relay(
    { client, inbox, session, upstream, link, catalog: catalogFor(session, upstream) },
    (cancel) => {
      const registered = upstream.cancels.register(session.id, link.processId, cancel);
      const key = greeting.minor >= 2 ? registered.secretKey : registered.secretKey.subarray(0, 4);
      const statuses = [...link.parameters].map(([name, value]) => parameterStatus(name, value));
      client.write(Buffer.concat([...statuses, backendKeyData(link.processId, key), readyForQuery("I")]));
      return () => registered.dispose();
    },
  );
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.name : "unknown";
}
