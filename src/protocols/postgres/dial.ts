import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { type ConnectionOptions, checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import { IhcError } from "../../base/errors.ts";
import type { PostgresSettings } from "./settings.ts";
import { sslRequest } from "./wire/encode.ts";

export interface Line {
  readonly socket: Socket;
  readonly encrypted: boolean;
  /** Hash of the server's certificate for channel binding (RFC 5929), where its signature names one. */
  readonly endPoint: Buffer | undefined;
}

type Address = Pick<PostgresSettings, "host" | "port" | "tls" | "ca" | "server_name">;

/** Opens a connection to the database server, with TLS as the settings ask. Throws IhcError `unavailable`. */
export async function dial(settings: Address, signal: AbortSignal): Promise<Line> {
  const socket = settings.host.startsWith("/")
    ? connectTcp({ path: `${settings.host}/.s.PGSQL.${settings.port}` })
    : connectTcp({
        host: settings.host,
        port: settings.port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: 30_000,
      });
  const abort = (): void => {
    socket.destroy();
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    await once(socket, "connect", { signal });
    if (settings.tls === "disable") return { socket, encrypted: false, endPoint: undefined };
    return await encrypt(socket, settings, signal);
  } catch (cause) {
    socket.destroy();
    if (cause instanceof IhcError) throw cause;
    throw new IhcError("unavailable", `cannot reach the database (${reasonOf(cause)})`, { cause });
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function encrypt(socket: Socket, settings: Address, signal: AbortSignal): Promise<Line> {
  socket.write(sslRequest());
  const answer = await firstByte(socket, signal);
  if (answer !== "S")
    throw new IhcError("unavailable", "the database offers no TLS", {
      hint: "turn TLS on at the server, or set tls: disable if the network is protected otherwise",
    });
  const tls = connectTls({ ...(await tlsOptions(settings)), socket });
  tls.setNoDelay(true);
  await once(tls, "secureConnect", { signal });
  return { socket: tls, encrypted: true, endPoint: endPointOf(tls) };
}

/** Exactly one byte may come before TLS; more would be somebody's injection. */
async function firstByte(socket: Socket, signal: AbortSignal): Promise<string> {
  const [chunk] = (await once(socket, "data", { signal })) as [Buffer];
  socket.pause();
  if (chunk.length !== 1) throw new IhcError("unavailable", "the database sent data before TLS");
  return chunk.toString("latin1");
}

async function tlsOptions(settings: Address): Promise<ConnectionOptions> {
  const name = settings.server_name ?? settings.host;
  const ca = settings.ca === undefined ? {} : { ca: await readFile(settings.ca) };
  return {
    ...ca,
    ...(isIP(name) ? {} : { servername: name }),
    minVersion: "TLSv1.2",
    ALPNProtocols: ["postgresql"],
    rejectUnauthorized: settings.tls !== "require",
    checkServerIdentity: (_host, certificate) =>
      settings.tls === "verify-full" ? checkServerIdentity(name, certificate) : undefined,
  };
}

function endPointOf(socket: TLSSocket): Buffer | undefined {
  const raw = socket.getPeerX509Certificate()?.raw;
  if (!raw) return undefined;
  const { signatureAlgorithm } = new X509Certificate(raw);
  const named = /sha-?(256|384|512|224|1)(?!\d)|md5/i.exec(signatureAlgorithm ?? "");
  if (!named) return undefined;
  const bits = named[1] === undefined || named[1] === "1" ? "256" : named[1];
  return createHash(`sha${bits}`).update(raw).digest();
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "unknown reason";
  if (cause.name === "AbortError") return "no answer in time";
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
}
