import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { ihcAs, logInAs, reviewAs, type Scene, succeeds } from "../../src/demo/cast.ts";
import {
  type DemoGateway,
  freePort,
  type GatewayConfiguration,
  type GatewayParts,
  startGatewayAgain,
  startGatewayProcess,
} from "../../src/demo/gateway.ts";
import { makeHome } from "../../src/demo/home.ts";
import { type Idp, startIdp } from "../../src/demo/idp.ts";
import { type Person, people } from "../../src/demo/people.ts";
import type { Running } from "../../src/demo/run.ts";
import { type Client, clientOf } from "../../src/demo/sql.ts";
import { type ShopTarget, startShop } from "../../src/demo/targets.ts";
import { ihc } from "./cli.ts";

/**
 * Provider, PostgreSQL with the shop's data and a gateway process, and people who use the real CLI in homes of their own.
 * Start one per file in `before`, `stop` it in `after`.
 */
export interface World extends Scene {
  readonly idp: Idp;
  readonly shop: ShopTarget;
  readonly folder: string;
  /** Runs `ihc …` as that person; end it yourself. */
  as(person: string, ...args: string[]): Running;
  /** Runs it to its end; fails the test when it does not end with `code` (default 0). */
  does(person: string, args: readonly string[], code?: number): Promise<Running>;
  logIn(...persons: string[]): Promise<void>;
  review(person: string, request: string, answer?: "approve" | "deny"): Promise<Running>;
  /** Opens a session that an approver lets through: waits until local tools can connect. */
  connect(person: string, options?: ConnectOptions): Promise<Connection>;
  /** The gateway process now; another one after `restart`. */
  gatewayProcess(): DemoGateway;
  /** Ends the gateway as told (SIGKILL: no goodbye) and starts it on the same files and port. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

export interface ConnectOptions {
  readonly for?: string;
  /** Who approves when a grant is needed; nobody: an active grant must be there. */
  readonly approver?: string;
  readonly args?: readonly string[];
}

export interface Connection {
  readonly running: Running;
  readonly session: string;
  readonly client: Client;
}

export interface WorldOptions {
  /** Cedar; default: the demo's. */
  readonly policy?: string;
  readonly change?: (configuration: GatewayConfiguration) => object;
  readonly people?: readonly Person[];
  readonly accessTokenLife?: number;
  /** A shell's line that becomes the gateway by `exec "$@"`: limits of the process, where its output goes. */
  readonly gatewayShell?: string;
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const { PATH: searchPath = "/usr/bin:/bin" } = process.env;
  const cast = options.people ?? people;
  const home = makeHome(ihc, { PATH: searchPath }, cast);
  const port = await freePort();
  const audience = `http://127.0.0.1:${port}`;
  const life = options.accessTokenLife === undefined ? {} : { accessTokenLife: options.accessTokenLife };
  const idp = await startIdp({ audience, people: cast, ...life });
  const shop = await startShop(home.folder, searchPath).catch(async (error: unknown) => {
    await idp.stop();
    home.remove();
    throw error;
  });
  const parts: GatewayParts = {
    home: home.folder,
    ihc: options.gatewayShell === undefined ? ihc : ["bash", "-c", options.gatewayShell, "gateway", ...ihc],
    idp,
    audience,
    port,
    shop,
    searchPath,
    ...(options.policy === undefined ? {} : { policy: options.policy }),
    ...(options.change === undefined ? {} : { change: options.change }),
  };
  const stopRest = async () => {
    await Promise.all([shop.stop(), idp.stop()]);
    home.remove();
  };
  let gateway = await startGatewayProcess(parts).catch(async (error: unknown) => {
    await stopRest();
    throw error;
  });
  const scene: Scene = { gateway: gateway.url, ihc, home };
  const started = new Set<Running>();
  const as = (person: string, ...args: string[]): Running => {
    const running = ihcAs(scene, person, args);
    started.add(running);
    return running;
  };

  return {
    ...scene,
    idp,
    shop,
    folder: home.folder,
    as,
    does: async (person, args, code = 0) => {
      const running = as(person, ...args);
      const ended = await running.ended();
      if (ended !== code)
        throw new Error(`ihc ${args.join(" ")} ended with ${ended}, not ${code}: ${running.output()}`);
      return running;
    },
    logIn: async (...persons) => {
      await Promise.all(persons.map((person) => logInAs(scene, person)));
    },
    review: (person, request, answer) => reviewAs(scene, person, request, answer),
    connect: (person, wish = {}) => openConnection(scene, as, person, searchPath, wish),
    gatewayProcess: () => gateway,
    restart: async (signal = "SIGTERM") => {
      const { process: old } = gateway;
      if (old === undefined) throw new Error("the gateway is no process");
      const gone = once(old, "exit");
      old.kill(signal);
      await gone;
      gateway = await startGatewayAgain(parts, gateway.config);
    },
    stop: async () => {
      await Promise.all([...started].map((running) => running.end()));
      for (const { id } of cast) endBackground(scene, id);
      await gateway.stop();
      await stopRest();
    },
  };
}

async function openConnection(
  scene: Scene,
  as: World["as"],
  person: string,
  searchPath: string,
  wish: ConnectOptions,
): Promise<Connection> {
  const duration = wish.for ?? "1h";
  const running = as(
    person,
    "connect",
    "prod-db",
    "--reason",
    "a test",
    "--for",
    duration,
    "--port",
    "0",
    ...(wish.args ?? []),
  );
  if (wish.approver !== undefined) {
    const [request] = await running.until(/req_[0-9A-Z]+/);
    await succeeds(await reviewAs(scene, wish.approver, request));
  }
  const [session] = await running.until(/ses_[0-9A-Z]+/);
  const [, port = ""] = await running.until(/127\.0\.0\.1:(\d+)/);
  return { running, session, client: await clientOf(scene, person, searchPath, Number(port)) };
}

function endBackground(scene: Scene, person: string): void {
  const [program, ...args] = scene.ihc;
  spawnSync(program, [...args, "disconnect", "--all"], {
    env: scene.home.environment(person),
    timeout: 5000,
    stdio: "ignore",
  });
}
