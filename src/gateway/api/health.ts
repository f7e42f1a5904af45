import type { Registry } from "prom-client";
import type { App } from "./app.ts";

export interface HealthParts {
  /** Why the gateway should get no traffic; empty when it should. */
  readonly problems: () => Promise<readonly string[]>;
  readonly metrics: Registry;
}

/** For load balancers and Prometheus. These need no token and say nothing about people or targets. */
export function healthRoutes(app: App, { problems, metrics }: HealthParts): void {
  app.get("/healthz", (c) => c.json({ ok: true }));
  app.get("/readyz", async (c) => {
    const found = await problems();
    return c.json({ ok: found.length === 0, problems: found }, found.length === 0 ? 200 : 503);
  });
  app.get("/metrics", async (c) =>
    c.body(await metrics.metrics(), 200, { "content-type": metrics.contentType }),
  );
}
