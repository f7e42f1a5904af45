import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { refuseUpgrade, unreadable } from "./denial.ts";
import { forwarded } from "./headers.ts";
import { judged } from "./hold.ts";
import { understand } from "./requests.ts";
import { type Serving, take } from "./serving.ts";
import { serveStream } from "./streams.ts";
import { BadRequest } from "./wire/bad-request.ts";

/**
 * Answers a request that asks for another protocol. Exec, attach and port-forward become streams once they are admitted; a
 * watch or a log over a WebSocket does not, because nothing masks it there.
 */
export async function answerUpgrade(
  serving: Serving,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const { session, upstream, state, cluster } = serving;
  const { settings, parser } = upstream;
  const leave = take(serving);
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  try {
    const operation = await understand(serving, request, undefined);
    if (operation instanceof BadRequest) {
      refuseUpgrade(socket, unreadable(operation), session.masks);
      return;
    }
    const signal = AbortSignal.any([gone.signal, session.signal]);
    await serveStream({
      session,
      settings,
      state,
      parser,
      operation,
      upgrade: request.headers.upgrade?.toLowerCase() === "websocket" ? "websocket" : "spdy",
      request,
      socket,
      head,
      signal,
      admit: async (asked) =>
        (await judged(session, asked, { gone: gone.signal, limit: settings.hold_timeout })).admission,
      open: (admitted, front) =>
        cluster.open(admitted, front, { headers: forwarded(request.headers), signal }),
      refuse: (status) => refuseUpgrade(socket, status, session.masks),
    });
  } finally {
    leave();
  }
}
