import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export interface Metrics {
  readonly registry: Registry;
  answered(route: string, status: number, seconds: number): void;
  /** Whether the newest configuration and policy on disk are in force. */
  reloaded(ok: boolean): void;
}

export interface Counts {
  readonly sessions: () => number;
  readonly connections: () => number;
}

/** Labels are routes and statuses only: no person, target or id becomes a label. */
export function gatewayMetrics(counts: Counts): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "ihc_" });
  const registers = [registry];
  const requests = new Histogram({
    name: "ihc_http_request_seconds",
    help: "Duration of control API requests",
    labelNames: ["route", "status"],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 30],
    registers,
  });
  const reloads = new Counter({
    name: "ihc_reloads_total",
    help: "Reloads of configuration and policy",
    labelNames: ["result"],
    registers,
  });
  const stale = new Gauge({
    name: "ihc_config_stale",
    help: "1 while the files on disk are invalid and an older version is in force",
    registers,
  });
  for (const [name, help, count] of [
    ["ihc_sessions_open", "Open sessions", counts.sessions],
    ["ihc_connections_open", "Open client connections", counts.connections],
  ] as const)
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(count());
      },
    });
  return {
    registry,
    answered: (route, status, seconds) => requests.observe({ route, status: String(status) }, seconds),
    reloaded(ok) {
      reloads.inc({ result: ok ? "applied" : "refused" });
      stale.set(ok ? 0 : 1);
    },
  };
}
