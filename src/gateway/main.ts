import { type Clock, systemClock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";
import { protocols } from "../protocols/index.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { buildEvidence } from "../storage/evidence.ts";
import { readTile, treeHashes } from "../storage/hashes.ts";
import type { KeepAlive } from "../tunnel/tunnel.ts";
import { auditWatch } from "./audit-watch.ts";
import { cancelRegistry } from "./cancels.ts";
import type { Config } from "./config.ts";
import { gatekeeperOf, hostsOf } from "./entrance.ts";
import { onFaults } from "./faults.ts";
import type { Gatekeeper } from "./gatekeeper.ts";
import type { InForce } from "./in-force.ts";
import { inForceEntry } from "./in-force-entry.ts";
import { LiveSessions } from "./live-sessions.ts";
import { errorFields, type Log, openLog } from "./log.ts";
import { gatewayMetrics, type Metrics } from "./metrics.ts";
import { notifier } from "./notify.ts";
import { createParser } from "./parser.ts";
import type { Records } from "./records.ts";
import { type Loaded, load, watchFiles } from "./reload.ts";
import { certificateOf, reloader } from "./reloading.ts";
import { cancelOrphans } from "./requests.ts";
import { openRoster } from "./roster.ts";
import { controlApi } from "./routes.ts";
import { resolveSecret } from "./secrets.ts";
import { inForceOf } from "./serve-targets.ts";
import { type HttpServer, startServer } from "./server.ts";
import { maskedOf, shownOf } from "./shown.ts";
import { onSignals } from "./signals.ts";
import { openStorage, type Storage } from "./storage.ts";
import { startTimers } from "./timers.ts";
import { tunnelUpgrades } from "./tunnels.ts";
import { once, oneAtATime } from "./turns.ts";
import { gatewayVersion } from "./version.ts";

export interface GatewayOptions {
  readonly configPath: string;
  /** Lets `plain:` secrets pass. */
  readonly dev?: boolean;
  readonly clock?: Clock;
  readonly log?: Log;
  /** Whether SIGTERM, SIGINT and SIGHUP of this process are for this gateway; true unless said otherwise. */
  readonly signals?: boolean;
  /** Besides those that ihc brings. */
  readonly protocols?: readonly Protocol<unknown>[];
  /** When a tunnel's silent peer counts as dead; see tunnel/tunnel. */
  readonly keepAlive?: KeepAlive;
}

export interface Gateway {
  /** Where clients reach it. */
  readonly url: string;
  /** Reads configuration and policy again; resolves with the reason when they are refused and the old ones stay. */
  reload(): Promise<IhcError | undefined>;
  /** Ends sessions with a message, seals recordings, closes. Safe to call again. */
  stop(): Promise<void>;
  /** Resolves when the gateway has stopped, by stop() or by a signal; rejects when an error that nobody caught stopped it. */
  readonly stopped: Promise<void>;
}

/**
 * Starts a gateway from its configuration file: everything is built here, once, and handed down. Throws IhcError `config`
 * with file and line for a mistake, `conflict` when another gateway has the state folder, `corrupt` when the log is damaged.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { configPath, dev = false, clock = systemClock } = options;
  const known = options.protocols ?? Object.values<Protocol<unknown>>(protocols);
  const loaded = await load(configPath, known, dev);
  const log = options.log ?? openLog(undefined, loaded.config.log.level);
  const storage = await openStorage(loaded.config, clock, log);
  try {
    return await assemble({ options, known, loaded, log, clock, storage, dev });
  } catch (error) {
    await storage.close();
    throw error;
  }
}

interface Parts {
  readonly options: GatewayOptions;
  readonly known: readonly Protocol<unknown>[];
  readonly loaded: Loaded;
  readonly log: Log;
  readonly clock: Clock;
  readonly storage: Storage;
  readonly dev: boolean;
}

async function assemble(parts: Parts): Promise<Gateway> {
  const { known, loaded, log, clock, storage, dev } = parts;
  const { config } = loaded;
  let inForce = inForceOf(config, loaded.policy, known, storage.maskKey);
  let reloadProblem: IhcError | undefined;
  const current = (): InForce => inForce;

  const parser = createParser();
  const notify = notifier();
  const roster = openRoster();
  const records: Records = {
    store: storage.store,
    clock,
    notify,
    roster,
    shown: shownOf(current),
    masked: maskedOf(current),
  };
  const audit = auditWatch(storage.sequencer, clock);
  const live = new LiveSessions({
    records,
    audit,
    current,
    parser,
    cancels: cancelRegistry(),
    secret: (reference) => resolveSecret(reference, { folder: config.folder, dev }),
    log,
    openJournal: (session) => storage.journals.open(session),
    limits: config.limits,
  });
  const metrics = gatewayMetrics({ sessions: () => live.size, connections: () => live.totalConnections });
  const publicUrl = new URL(config.publicUrl);
  const hosts = new Set<string>();
  await cancelOrphans(records);
  await records.store.enqueue(inForceEntry("gateway.started", loaded, clock.now()));
  const keeper = await gatekeeperOf(config, { publicUrl, hosts, clock, live, roster });
  const problems = async (): Promise<readonly string[]> => readiness(storage, reloadProblem);
  const server = await serve(parts, { current, records, live, metrics, publicUrl, keeper, problems });
  if (config.listen.port === 0) publicUrl.port = String(server.port);
  for (const host of hostsOf(config, publicUrl, server.port)) hosts.add(host);

  const reload = reloader({
    configPath: parts.options.configPath,
    dev,
    protocols: known,
    started: config,
    maskKey: storage.maskKey,
    current,
    log,
    metrics,
    apply: async (next, served, certificate) => {
      await records.store.enqueue(inForceEntry("gateway.reloaded", next, clock.now()));
      inForce = served;
      if (certificate) server.setCertificate(certificate);
      live.sweep();
    },
  });
  const reloads = oneAtATime(async () => {
    reloadProblem = await reload();
    return reloadProblem;
  });
  const unwatch = watchFiles(watchedFiles(config), config.policy, () => void reloads(), log);
  const stopTimers = startTimers({ records, live, log });
  const { promise: stopped, resolve, reject } = Promise.withResolvers<void>();
  let fault: IhcError | undefined;
  const stop = once(async () => {
    log.info("stopping");
    unwatch();
    const closed = server.stop();
    try {
      await live.drain(
        new IhcError("unavailable", "the gateway is stopping", { hint: "connect again soon" }),
      );
      stopTimers();
      await closed;
      await parser.close();
      await storage.close();
    } finally {
      if (fault) reject(fault);
      else resolve();
    }
  });
  const signal = (): void => {
    stop().catch((error: unknown) => log.error({ err: errorFields(error) }, "the stop was not orderly"));
  };
  const failed = (cause: unknown): void => {
    fault ??= new IhcError("internal", "the gateway failed and has stopped", { hint: "see its log", cause });
    signal();
  };
  if (parts.options.signals !== false) {
    onSignals({ stop: signal, reload: () => void reloads(), log });
    onFaults(log, failed);
  }
  const url = publicUrl.href.replace(/\/$/, "");
  log.info(
    { url, version: gatewayVersion(), policy: inForce.policy.version, targets: inForce.targets.size },
    "ready",
  );
  return { url, reload: reloads, stop, stopped };
}

interface Served {
  readonly current: () => InForce;
  readonly records: Records;
  readonly live: LiveSessions;
  readonly metrics: Metrics;
  readonly publicUrl: URL;
  readonly keeper: Gatekeeper;
  readonly problems: () => Promise<readonly string[]>;
}

async function serve({ loaded, log, clock, storage, options }: Parts, served: Served): Promise<HttpServer> {
  const { config } = loaded;
  const { keepAlive } = options;
  const { records, current, live, metrics, publicUrl, keeper } = served;
  const { database, audit } = storage.store;
  const app = controlApi({
    records,
    current,
    live,
    publicUrl,
    clock,
    log,
    gatekeeper: keeper,
    version: gatewayVersion(),
    bodyLimit: config.limits.body,
    metrics: metrics.registry,
    problems: served.problems,
    journals: storage.journals,
    receive: (upload) => storage.journals.receive(upload),
    audit,
    evidence: async (session) => {
      await storage.sequencer.flush();
      return buildEvidence(storage.store, storage.journals, storage.logKey.verifier, session);
    },
    logKey: storage.logKey.verifier,
    tree: () => ({
      ...treeHashes(database.db),
      tile: (level, number) => readTile(database.db, { level, number }),
    }),
    flushed: () => storage.sequencer.flush(),
    grantChanged: (grant) => live.grantChanged(grant),
    discovery: () => ({
      issuer: config.issuer.url,
      client_id: config.issuer.clientId,
      audience: config.issuer.audience,
      scopes: [...config.issuer.scopes],
      public_url: publicUrl.href.replace(/\/$/, ""),
      dpop: config.issuer.dpop,
      groups_source: config.issuer.groupsSource,
      version: gatewayVersion(),
      log_key: storage.logKey.verifier,
    }),
  });
  const certificate = await certificateOf(config);
  return startServer(config.listen.host, config.listen.port, {
    app,
    gatekeeper: keeper,
    upgrade: tunnelUpgrades({ gatekeeper: keeper, live, log, ...(keepAlive ? { keepAlive } : {}) }),
    log,
    metrics,
    connections: config.limits.connections,
    ...(certificate ? { certificate } : {}),
  });
}

async function readiness(storage: Storage, reloadProblem: IhcError | undefined): Promise<readonly string[]> {
  const found: string[] = [];
  const log = storage.sequencer.problem();
  if (log) found.push(`the audit log cannot be written: ${log.message}`);
  if (!(await storage.journals.space())) found.push("there is no room for another recording");
  // Still served, by the version before: told, but no reason to take traffic away.
  return reloadProblem && found.length > 0 ? [...found, "the newest configuration was refused"] : found;
}

function watchedFiles({ file, tls }: Config): readonly string[] {
  return tls ? [file, tls.cert, tls.key] : [file];
}
