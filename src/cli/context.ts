import type { ControlClient } from "../agent/control-client.ts";
import type { Credentials, Profile } from "../agent/credentials.ts";
import { type AgentPaths, agentPaths } from "../agent/paths.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";
import type { Io } from "./io.ts";

/** What commands work with. Everything expensive is made when it is first asked for. */
export interface Context {
  readonly io: Io;
  readonly clock: Clock;
  /** `--json`: stdout is for programs. */
  readonly json: boolean;
  readonly verbose: boolean;
  /** Aborts on SIGINT, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
  readonly paths: AgentPaths;
  /** The profile that --profile, --gateway, IHC_PROFILE or the default names. */
  profile(): Promise<Profile>;
  credentials(): Promise<Credentials>;
  control(): Promise<ControlClient>;
  close(): Promise<void>;
}

export interface Chosen {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly profile: string | undefined;
  readonly gateway: string | undefined;
}

export function makeContext(io: Io, chosen: Chosen, signal: AbortSignal): Context {
  const paths = agentPaths(io.environment());
  const profile = once(() => findProfile(io, chosen, paths));
  const credentials = once(async () => {
    const { openCredentials } = await import("../agent/identity/credentials.ts");
    return await openCredentials(paths, await profile());
  });
  let opened: ControlClient | undefined;
  const control = once(async () => {
    const { controlClient } = await import("../agent/control-client.ts");
    opened = controlClient(await profile(), await credentials());
    return opened;
  });
  return {
    io,
    clock: systemClock,
    json: chosen.json,
    verbose: chosen.verbose,
    signal,
    paths,
    profile,
    credentials,
    control,
    close: async () => {
      opened?.close();
      await Promise.resolve();
    },
  };
}

async function findProfile(io: Io, chosen: Chosen, paths: AgentPaths): Promise<Profile> {
  const { chooseProfile, parseGateway, readProfiles } = await import("../agent/profiles.ts");
  const known = await readProfiles(paths);
  if (chosen.gateway === undefined) return chooseProfile(known, chosen.profile ?? io.env("IHC_PROFILE"));
  const gateway = parseGateway(chosen.gateway);
  const found = known.all.find((profile) => profile.gateway.origin === gateway.origin);
  if (found === undefined)
    throw new IhcError("login-needed", `not logged in to ${gateway.origin}`, {
      hint: `ihc login --gateway ${gateway.origin}`,
    });
  return found;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
