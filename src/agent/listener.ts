import { chmod, lstat, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { IhcError } from "../base/errors.ts";
import type { LocalAddress } from "../protocols/protocol.ts";
import type { TunnelEnd } from "../tunnel/tunnel.ts";
import { privateFolder } from "./paths.ts";

/** Where local clients connect: a port of the loopback interface, or a unix socket in a folder of its own. */
export type Where =
  | { readonly kind: "port"; readonly port: number }
  | { readonly kind: "socket"; readonly folder: string; readonly name: string; readonly port: number };

export type ConnectionEvent =
  | { readonly kind: "open"; readonly number: number }
  | { readonly kind: "refused"; readonly number: number; readonly error: unknown }
  /** `reason` when the gateway gave one; `lost` when the tunnel broke without one. */
  | { readonly kind: "closed"; readonly number: number; readonly reason?: string; readonly lost: boolean };

export interface Listener {
  readonly address: LocalAddress;
  readonly open: () => number;
  /** Cuts every connection but goes on listening: a session has ended, the port stays ours. */
  cut(): void;
  close(): Promise<void>;
}

/**
 * Listens and gives each local connection a tunnel of its own, so that one that hangs stalls no other. It is a pipe: it knows
 * no protocol and reads nothing. A port that is taken is an error (`conflict`), never another port in silence: whoever took
 * it would be given our clients' passwords.
 */
export async function listen(
  where: Where,
  openTunnel: (signal: AbortSignal) => Promise<TunnelEnd>,
  tell: (event: ConnectionEvent) => void,
): Promise<Listener> {
  const live = new Set<AbortController>();
  let count = 0;
  // Half-open and paused: a client may send all it has and close its half before the tunnel stands.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    const abort = new AbortController();
    live.add(abort);
    count += 1;
    const number = count;
    serve(socket, number, abort, openTunnel, tell)
      .catch((error: unknown) => tell({ kind: "refused", number, error }))
      .finally(() => live.delete(abort));
  });
  const address = where.kind === "port" ? await onPort(server, where.port) : await onSocket(server, where);
  const cut = (): void => {
    for (const abort of live) abort.abort();
  };
  return {
    address,
    open: () => live.size,
    cut,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cut();
      await closed;
    },
  };
}

async function serve(
  socket: Socket,
  number: number,
  abort: AbortController,
  openTunnel: (signal: AbortSignal) => Promise<TunnelEnd>,
  tell: (event: ConnectionEvent) => void,
): Promise<void> {
  const gone = (): void => abort.abort();
  const cut = (): void => void socket.destroy();
  socket.on("error", gone).on("close", gone);
  abort.signal.addEventListener("abort", cut, { once: true });
  let tunnel: TunnelEnd;
  try {
    tunnel = await openTunnel(abort.signal);
  } catch (error) {
    socket.destroy();
    if (!abort.signal.aborted) tell({ kind: "refused", number, error });
    return;
  }
  tell({ kind: "open", number });
  // From here on a pipe that breaks ends both streams with its error: that is no wish of the client's to leave.
  socket.off("close", gone).off("error", gone).on("error", cut);
  const kill = (): void => void tunnel.stream.destroy();
  abort.signal.addEventListener("abort", kill, { once: true });
  if (abort.signal.aborted) kill();
  const [up, down] = await Promise.allSettled([
    pipeline(socket, tunnel.stream),
    pipeline(tunnel.stream, socket),
  ]);
  socket.destroy();
  tunnel.stream.destroy();
  const reason = await tunnel.ended;
  tell({
    kind: "closed",
    number,
    ...(reason === undefined ? {} : { reason }),
    lost: (tunnelBroke(up) || tunnelBroke(down)) && reason === undefined && !abort.signal.aborted,
  });
}

/** A tunnel breaks with an error of ours, a local client with the system's. */
function tunnelBroke(pipe: PromiseSettledResult<void>): boolean {
  return pipe.status === "rejected" && pipe.reason instanceof IhcError;
}

async function onPort(server: Server, port: number): Promise<LocalAddress> {
  await listening(server, { host: "127.0.0.1", port, exclusive: true }, `port ${port} on 127.0.0.1`);
  const bound = server.address();
  return { host: "127.0.0.1", port: typeof bound === "object" && bound !== null ? bound.port : port };
}

/** The longest path that fits a socket address on every system, bytes. */
const longestPath = 103;

async function onSocket(server: Server, where: Where & { kind: "socket" }): Promise<LocalAddress> {
  await privateFolder(where.folder);
  const path = join(where.folder, where.name);
  if (Buffer.byteLength(path) > longestPath)
    throw new IhcError("usage", "the path of the socket is too long", {
      hint: "choose a shorter folder: --socket /run/user/…/db",
    });
  await removeStale(path);
  await listening(server, { path }, path);
  await chmod(path, 0o600);
  return { host: where.folder, port: where.port, socket: where.folder };
}

function listening(
  server: Server,
  options: { port?: number; host?: string; path?: string; exclusive?: boolean },
  what: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === "EADDRINUSE"
          ? new IhcError("conflict", `${what} is taken by another program`, {
              hint: "see who has it (ihc status, lsof -i), end it, or name another port: --port 0 picks a free one",
              cause,
            })
          : new IhcError("unavailable", `cannot listen on ${what}`, { cause }),
      ),
    );
    server.listen(options, () => resolve());
  });
}

/** Removes a socket that nobody serves any more; one that somebody serves is a conflict, anything else is not ours. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(absent);
  if (found === undefined) return;
  if (!found.isSocket())
    throw new IhcError("conflict", `${path} exists and is no socket`, { hint: "move it away" });
  if (await answers(path))
    throw new IhcError("conflict", `${path} is served by another program`, { hint: "see ihc status" });
  await rm(path, { force: true });
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}

/** Whether something accepts connections on the socket. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const say = (alive: boolean): void => {
      probe.destroy();
      resolve(alive);
    };
    probe.once("connect", () => say(true)).once("error", () => say(false));
    probe.setTimeout(1000, () => say(true));
  });
}
