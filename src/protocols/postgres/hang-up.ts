import type { Duplex } from "node:stream";

/** Ends politely, and for good when the client does not take it. */
export function hangUp(client: Duplex): void {
  client.end();
  const timer = setTimeout(() => client.destroy(), 500);
  client.once("close", () => clearTimeout(timer));
  if (client.destroyed) clearTimeout(timer);
}
