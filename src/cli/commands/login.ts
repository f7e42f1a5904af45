import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import type { Profile } from "../../agent/credentials.ts";
import { login } from "../../agent/identity/login.ts";
import type { LoginEvent } from "../../agent/identity/token-request.ts";
import { pinLogKey } from "../../agent/log-memory.ts";
import {
  chooseProfile,
  parseGateway,
  profileNameFor,
  readProfiles,
  saveProfile,
} from "../../agent/profiles.ts";
import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import { openBrowser } from "../browser.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  const profile = await chosen(context, typed);
  const done = await login({
    paths: context.paths,
    profile,
    on: (event) => show(context, profile, event),
    browser: typed.flag("browser"),
    insecureStorage: typed.flag("insecureStorage"),
    signal: context.signal,
  });
  await saveProfile(context.paths, profile, true);
  if (!(await pinLogKey(context.paths, profile, done.logKey)))
    io.say(
      `${io.err.red("!")} the gateway's audit log has another key than this machine knows; ask whoever runs it before you trust its log`,
    );
  const groups = done.groups.map(visible);
  const key = done.keyPlace === "keychain" ? "OS keychain" : "file";
  if (context.json)
    io.json({
      v: 1,
      event: "logged_in",
      profile: profile.name,
      gateway: profile.gateway.origin,
      name: done.name,
      groups: done.groups,
      key: done.keyPlace,
      key_bound: done.keyBound,
    });
  const bound = done.keyBound ? ", tokens DPoP-bound" : "";
  io.say(
    `${io.err.green("✓")} Logged in as ${io.err.bold(visible(done.name))}   groups: ${groups.join(", ") || "none"}   key: ${key}${bound}`,
  );
  return undefined;
}

async function chosen(context: Context, typed: Invocation): Promise<Profile> {
  const known = await readProfiles(context.paths);
  const address = typed.text("gateway") ?? context.io.env("IHC_GATEWAY");
  const caFile = typed.text("ca");
  const ca = caFile === undefined ? undefined : await pem(caFile);
  if (address === undefined) {
    const profile = chooseProfile(known, typed.text("name") ?? typed.text("profile"));
    return ca === undefined ? profile : { ...profile, ca };
  }
  const gateway = parseGateway(address);
  const before = known.all.find((profile) => profile.gateway.origin === gateway.origin);
  const name = typed.text("name") ?? typed.text("profile") ?? before?.name ?? profileNameFor(gateway);
  const trusted = ca ?? before?.ca;
  return { name, gateway, ...(trusted === undefined ? {} : { ca: trusted }) };
}

async function pem(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new IhcError("usage", "--ca cannot be read", { cause });
  });
  if (!text.includes("-----BEGIN CERTIFICATE-----"))
    throw new IhcError("usage", "--ca holds no PEM certificate");
  return text;
}

/** gh's words, so that fingers know them. Without a terminal nothing waits for Enter. */
function show(context: Context, { gateway }: Profile, event: LoginEvent): void {
  const { io } = context;
  if (event.kind === "browser") {
    io.say(`  Open ${event.address}`);
    if (io.interactive) openBrowser(event.address);
    return;
  }
  if (context.json)
    io.json({
      v: 1,
      event: "code",
      user_code: event.userCode,
      address: event.address,
      complete_address: event.completeAddress,
      expires_at: event.expiresAt.toISOString(),
    });
  io.say(`${io.err.yellow("!")} First copy your one-time code: ${io.err.bold(event.userCode)}`);
  io.say(
    `  for ihc on ${visible(hostname())} at ${gateway.origin}; type it only if you started this yourself`,
  );
  io.say(`  Open ${event.address}`);
  if (io.interactive) offerBrowser(context, event.completeAddress ?? event.address);
}

/** Enter opens the browser; the code is polled for meanwhile, so that another machine's browser does as well. */
function offerBrowser(context: Context, address: string): void {
  context.io.say(`  Press Enter to open ${address} in your browser... `);
  const { stdin } = process;
  stdin.once("data", () => {
    stdin.pause();
    openBrowser(address);
  });
  stdin.unref();
}
