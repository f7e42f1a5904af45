import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Environment } from "../agent/paths.ts";
import { IhcError } from "../base/errors.ts";
import { freePort, startGatewayProcess } from "./gateway.ts";
import { type DemoHome, makeHome } from "./home.ts";
import { startIdp } from "./idp.ts";
import { endChild, type Part } from "./part.ts";
import { people } from "./people.ts";
import { type ShopTarget, startShop } from "./targets.ts";

/** Everything running, nobody logged in yet. */
export interface Stage {
  readonly gateway: string;
  readonly issuer: string;
  readonly home: DemoHome;
  readonly shop: ShopTarget;
  /** The command that starts the CLI. */
  readonly ihc: readonly [string, ...string[]];
  /** Aborts when a part ends by itself; the reason is an IhcError that names it. */
  readonly broken: AbortSignal;
  /** Stops all parts, newest first, and removes every file. Safe to call twice. */
  stop(): Promise<void>;
}

/** Starts provider, database and gateway. What had started is stopped again when a later part fails or `signal` aborts. */
export async function setStage(
  environment: Environment,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Stage> {
  const ihc: [string, string] = [
    process.execPath,
    fileURLToPath(new URL("../../bin/ihc.js", import.meta.url)),
  ];
  const home = makeHome(ihc, environment);
  const parts: Part[] = [];
  const broken = new AbortController();
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= takeDown(parts, home, ihc);
    return stopping;
  };
  const keep = <T extends Part>(part: T): T => {
    parts.push(part);
    if (signal.aborted) throw new IhcError("canceled", "the demo was interrupted");
    part.process?.once("exit", () => {
      if (stopping === undefined)
        broken.abort(new IhcError("unavailable", `${part.name} has ended by itself`));
    });
    return part;
  };
  try {
    const searchPath = environment["PATH"] ?? "/usr/bin:/bin";
    const port = await freePort();
    const audience = `http://127.0.0.1:${port}`;
    say("  starting the identity provider");
    const idp = await startIdp({ audience });
    keep({ name: "the identity provider", stop: idp.stop });
    say("  starting PostgreSQL and filling the shop");
    const shop = keep(await startShop(home.folder, searchPath));
    say("  starting the gateway");
    const gateway = keep(
      await startGatewayProcess({ home: home.folder, ihc, idp, audience, port, shop, searchPath }),
    );
    return { gateway: gateway.url, issuer: idp.issuer, home, shop, ihc, broken: broken.signal, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function takeDown(
  parts: readonly Part[],
  home: DemoHome,
  ihc: readonly [string, ...string[]],
): Promise<void> {
  try {
    if (parts.length > 0) await Promise.all(people.map(({ id }) => disconnect(home, ihc, id)));
    for (const part of parts.toReversed()) await part.stop();
  } finally {
    home.remove();
  }
}

/** Connections that somebody has left running in the background would outlive us. */
async function disconnect(
  home: DemoHome,
  ihc: readonly [string, ...string[]],
  person: string,
): Promise<void> {
  const [program, ...args] = ihc;
  const child = spawn(program, [...args, "disconnect", "--all"], {
    env: home.environment(person),
    stdio: "ignore",
  });
  const late = setTimeout(() => child.kill("SIGKILL"), 5000);
  await once(child, "exit");
  clearTimeout(late);
  await endChild(child);
}
