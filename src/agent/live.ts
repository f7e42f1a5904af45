import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { Agent } from "node:https";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";
import type { SessionOpened, SessionView } from "../core/api/schema.ts";
import type { LocalAddress } from "../protocols/protocol.ts";
import { openTunnel } from "../tunnel/client.ts";
import type { TunnelEnd } from "../tunnel/tunnel.ts";
import type { Access } from "./access.ts";
import { prepareClient, type ReadyHelp } from "./client-help.ts";
import type { ControlClient } from "./control-client.ts";
import type { Profile } from "./credentials.ts";
import { listen, type Where } from "./listener.ts";
import type { Ending, LiveEvent } from "./live-event.ts";
import type { AgentPaths } from "./paths.ts";
import { installService, removeService, type Service } from "./pg-service.ts";
import { trust } from "./trust.ts";
import { watch } from "./watch.ts";

export interface LiveOptions {
  readonly control: ControlClient;
  readonly access: Access;
  readonly where: Where;
  readonly paths: AgentPaths;
  readonly clock: Clock;
  readonly reason?: string | undefined;
  readonly incident?: string | undefined;
  readonly tell: (event: LiveEvent) => void;
  /** The person's home folder, when other terminals are to find the session by `psql service=<target>`. */
  readonly home?: string | undefined;
}

/** One target on one local address, through as many sessions as follow each other there. */
export interface Live {
  readonly profile: Profile;
  readonly address: LocalAddress;
  session(): SessionView;
  help(): ReadyHelp;
  connections(): number;
  /** Resolves when the access behind the current session is over. */
  ending(): Promise<Ending>;
  /** Opens a new session at the same address after access was given again. */
  resume(access: Access): Promise<void>;
  /** Ends the session, closes the address and removes the files. */
  close(): Promise<void>;
}

/** Opens a session and listens for it. Tunnels are opened only when a local client connects. */
export async function goLive(options: LiveOptions): Promise<Live> {
  const { control, paths, where, tell } = options;
  let access = options.access;
  let opened: SessionOpened | undefined;
  let stopWatch: () => void = () => undefined;
  const name = folderName(control, access.target.name, where);
  const folder = join(paths.runtime, "sessions", name);
  const lasting = join(paths.state, "clients", name);

  const { gateway, ca } = control.profile;
  const agent = gateway.protocol === "https:" ? new Agent(trust(ca)) : undefined;
  const tunnel = async (signal: AbortSignal): Promise<TunnelEnd> => {
    if (opened === undefined) throw new IhcError("unavailable", "the session is over");
    return await openTunnel(tunnelOptions(control, opened, agent, signal));
  };
  const listener = await listen(where, tunnel, (event) => {
    tell({ kind: "connection", event });
    if (event.kind !== "open") recheck();
  });
  let recheck: () => void = () => undefined;
  let help: ReadyHelp;
  let ended: Promise<Ending>;

  const open = async (): Promise<void> => {
    const fresh = await control.openSession(sessionInput(options, access));
    help = await prepareClient(
      { session: folder, lasting },
      listener.address,
      access.target,
      fresh.client,
      fresh.secret,
    );
    opened = fresh;
    await announceService(options, help, installService);
  };
  const start = (): void => {
    stopWatch();
    const watched = watch({
      control,
      clock: options.clock,
      session: () => session(),
      expiresAt: () => Date.parse(access.grant?.expires_at ?? session().expires_at),
      reopen: async () => {
        await open();
        return session();
      },
      tell,
    });
    stopWatch = watched.stop;
    recheck = watched.recheck;
    ended = watched.ended.then((ending) => {
      opened = undefined;
      listener.cut();
      return ending;
    });
  };
  let last: SessionView | undefined;
  const session = (): SessionView => {
    last = opened?.session ?? last;
    if (last === undefined) throw new IhcError("internal", "no session was opened");
    return last;
  };

  try {
    await open();
    start();
  } catch (error) {
    await listener.close();
    throw error;
  }
  return {
    profile: control.profile,
    address: listener.address,
    session,
    help: () => help,
    connections: listener.open,
    ending: () => ended,
    resume: async (next) => {
      access = next;
      await open();
      start();
    },
    close: async () => {
      stopWatch();
      const over = opened;
      opened = undefined;
      await listener.close();
      await announceService(options, help, removeService);
      await rm(folder, { recursive: true, force: true });
      // Nobody's settings can name a port that is another one each time.
      if (where.kind === "port" && where.port === 0) await rm(lasting, { recursive: true, force: true });
      if (over !== undefined) await endQuietly(control, over.session);
    },
  };
}

/** Convenience only: a service file that cannot be changed must not keep anybody from the session. */
async function announceService(
  { home, paths, tell }: LiveOptions,
  { service }: ReadyHelp,
  change: (service: Service) => Promise<boolean>,
): Promise<void> {
  if (home === undefined || service === undefined) return;
  try {
    const done = await change({ ...service, home, runtime: paths.runtime });
    if (!done && change === installService) tell({ kind: "no-service", name: service.name });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    tell({ kind: "no-service", name: service.name });
  }
}

function sessionInput(options: LiveOptions, access: Access): Parameters<ControlClient["openSession"]>[0] {
  const { reason, incident } = options;
  return {
    target: access.target.name,
    ...(access.grant === undefined ? {} : { grant: access.grant.id }),
    ...(reason === undefined ? {} : { reason }),
    ...(incident === undefined ? {} : { incident }),
  };
}

/** Whatever address the gateway names, tokens go to the gateway that was logged in to. */
function tunnelOptions(
  control: ControlClient,
  opened: SessionOpened,
  agent: Agent | undefined,
  signal: AbortSignal,
): Parameters<typeof openTunnel>[0] {
  const named = new URL(opened.tunnel, control.profile.gateway);
  const url = new URL(named.pathname + named.search, control.profile.gateway);
  return {
    url,
    headers: () => control.headers("GET", url),
    signal,
    ...(agent === undefined ? {} : { agent }),
  };
}

/** The same folder for the same target and address, so that clients' settings stay right when access is given again. */
function folderName(control: ControlClient, target: string, where: Where): string {
  const key = `${control.profile.gateway.origin} ${target} ${where.kind === "port" ? where.port : where.folder}`;
  const own = where.kind === "port" && where.port === 0 ? `-${process.pid}` : "";
  return `${target.replaceAll(/[^A-Za-z0-9._-]/g, "_")}-${createHash("sha256").update(key).digest("hex").slice(0, 8)}${own}`;
}

/** The session dies by itself at the gateway too; telling it is a courtesy that must not hold up the end. */
async function endQuietly(control: ControlClient, session: SessionView): Promise<void> {
  try {
    await control.endSession(session.id, AbortSignal.timeout(3000));
  } catch (error) {
    if (!(error instanceof IhcError)) throw error;
  }
}
