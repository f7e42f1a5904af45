import { accessSync, constants, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import process from "node:process";
import type { Profile } from "../agent/credentials.ts";
import { localLogin } from "../agent/identity/whoami.ts";
import { privateFolder } from "../agent/paths.ts";
import { listRunning } from "../agent/running.ts";
import { formatDuration } from "../base/duration.ts";
import { IhcError } from "../base/errors.ts";
import type { Discovery } from "../core/api/schema.ts";
import type { Context } from "./context.ts";
import { version } from "./version.ts";

/** One thing that was looked at; `mend` says what to type or do. */
export interface Check {
  readonly name: string;
  readonly state: "ok" | "warning" | "failed";
  readonly found: string;
  readonly mend?: string;
}

/** Looks at everything `ihc doctor` knows, each for itself: one failure hides no other. */
export async function checkup(context: Context): Promise<readonly Check[]> {
  const profile = await attempt("profile", async () => {
    const chosen = await context.profile();
    return { check: ok("profile", `${chosen.name} (${chosen.gateway.origin})`), value: chosen };
  });
  const gateway = profile.value === undefined ? undefined : await gatewayOf(profile.value);
  return [
    nodeVersion(),
    ...(await folders(context)),
    await keychain(),
    profile.check,
    ...(gateway?.checks ?? []),
    ...(gateway?.found === undefined
      ? []
      : [clockSkew(context, gateway.date), await issuer(gateway.found, profile.value)]),
    ...(profile.value === undefined ? [] : [await login(context, profile.value)]),
    await ports(context),
    psql(context),
  ];
}

function ok(name: string, found: string): Check {
  return { name, state: "ok", found };
}

/** Our own errors carry the hint already. */
function failed(name: string, error: unknown, state: Check["state"] = "failed"): Check {
  if (!(error instanceof IhcError)) throw error;
  return { name, state, found: error.message, ...(error.hint === undefined ? {} : { mend: error.hint }) };
}

async function attempt<T>(
  name: string,
  act: () => Promise<{ check: Check; value: T }>,
): Promise<{ readonly check: Check; readonly value?: T }> {
  try {
    return await act();
  } catch (error) {
    return { check: failed(name, error) };
  }
}

function nodeVersion(): Check {
  const major = Number(process.versions.node.split(".")[0]);
  const found = `ihc ${version()} on Node ${process.versions.node}`;
  return major >= 24
    ? ok("versions", found)
    : { name: "versions", state: "failed", found, mend: "install Node 24 or newer" };
}

async function folders({ paths }: Context): Promise<readonly Check[]> {
  const checks: Check[] = [];
  for (const [name, path] of Object.entries(paths)) {
    const { check } = await attempt(name, async () => {
      await privateFolder(path);
      return { check: ok(name, `${path} is ours alone`), value: undefined };
    });
    checks.push(check);
  }
  return checks;
}

async function keychain(): Promise<Check> {
  const { openKeychain } = await import("../agent/identity/keychain.ts");
  try {
    await (await openKeychain()).get("ihc-doctor");
    return ok("keychain", "usable");
  } catch (error) {
    return failed("keychain", error, "warning");
  }
}

interface Seen {
  readonly checks: readonly Check[];
  readonly found?: Discovery;
  readonly date?: Date | undefined;
}

async function gatewayOf(profile: Profile): Promise<Seen> {
  const { discover } = await import("../agent/control-client.ts");
  const { http } = await import("../agent/http.ts");
  const client = http(profile.ca);
  try {
    const { discovery, date } = await discover(client, profile);
    const same = discovery.version === version();
    const check: Check = same
      ? ok("gateway", `reachable, version ${discovery.version}`)
      : {
          name: "gateway",
          state: "warning",
          found: `reachable, version ${discovery.version}; this is ${version()}`,
          mend: "use the same version on both sides",
        };
    return { checks: [check], found: discovery, date };
  } catch (error) {
    return { checks: [failed("gateway", error)] };
  } finally {
    client.close();
  }
}

/** DPoP proofs are refused when the clocks differ by more than about a minute. */
const mostSkew = 30_000;

function clockSkew({ clock }: Context, date: Date | undefined): Check {
  if (date === undefined) return { name: "clock", state: "warning", found: "the gateway tells no time" };
  const skew = clock.now().getTime() - date.getTime();
  if (Math.abs(skew) < mostSkew) return ok("clock", "agrees with the gateway's");
  const found = `${formatDuration(Math.abs(skew))} ${skew > 0 ? "ahead of" : "behind"} the gateway's`;
  return {
    name: "clock",
    state: "failed",
    found,
    mend: "set this machine's clock: timedatectl set-ntp true",
  };
}

async function issuer(found: Discovery, profile: Profile | undefined): Promise<Check> {
  const { discoverIssuer } = await import("../agent/identity/discover.ts");
  try {
    await discoverIssuer(found.issuer, found.client_id, profile?.ca, AbortSignal.timeout(15_000));
    return ok("issuer", `${found.issuer} answers`);
  } catch (error) {
    return failed("issuer", error);
  }
}

async function login(context: Context, profile: Profile): Promise<Check> {
  const { check } = await attempt("login", async () => {
    const here = await localLogin(context.paths, profile);
    if (here === undefined) throw new IhcError("login-needed", "not logged in", { hint: "ihc login" });
    const me = await (await context.control()).whoami();
    const value = undefined;
    if (me.key_bound) return { check: ok("login", `${me.name}, tokens DPoP-bound`), value };
    return {
      check: {
        name: "login",
        state: "warning",
        found: `${me.name}, tokens are not bound to a key`,
        mend: "see docs/identity.md",
      },
      value,
    };
  });
  return check;
}

/** The ports that targets have been given must be ours or free. */
async function ports(context: Context): Promise<Check> {
  const { knownPorts } = await import("../agent/ports.ts");
  try {
    const ours = new Set((await listRunning(context.paths)).map((entry) => entry.port));
    const known = Object.entries(await knownPorts(context.paths)).filter(([, port]) => !ours.has(port));
    const free = await Promise.all(known.map(([, port]) => isFree(port)));
    const taken = known
      .filter((_, place) => free[place] === false)
      .map(([name, port]) => `${port} (${name})`);
    if (taken.length === 0) return ok("ports", `${known.length + ours.size} remembered, all free or ours`);
    return {
      name: "ports",
      state: "warning",
      found: `taken by other programs: ${taken.join(", ")}`,
      mend: "end those programs, or connect with --port",
    };
  } catch (error) {
    return failed("ports", error);
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function psql({ io }: Context): Check {
  const name = process.platform === "win32" ? "psql.exe" : "psql";
  const found = (io.env("PATH") ?? "")
    .split(delimiter)
    .find((folder) => folder !== "" && isProgram(join(folder, name)));
  if (found !== undefined) return ok("psql", join(found, name));
  return {
    name: "psql",
    state: "warning",
    found: "not on PATH",
    mend: `install a PostgreSQL client${debianLike() ? ": apt install postgresql-client" : ""}`,
  };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function debianLike(): boolean {
  try {
    return /debian|ubuntu/i.test(readFileSync("/etc/os-release", "utf8"));
  } catch {
    return false;
  }
}
