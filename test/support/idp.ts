import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Credentials, Profile } from "../../src/agent/credentials.ts";
import { openCredentials } from "../../src/agent/identity/credentials.ts";
import { type LoggedIn, login } from "../../src/agent/identity/login.ts";
import type { AgentPaths } from "../../src/agent/paths.ts";
import { signIn } from "../../src/demo/sign-in.ts";

export interface Laptop {
  readonly paths: AgentPaths;
  readonly profile: Profile;
  dispose(): Promise<void>;
}

/** An empty home for one person, as their XDG folders would be. */
export async function newLaptop(gateway: string | URL, name = "test"): Promise<Laptop> {
  const root = await mkdtemp(join(tmpdir(), "ihc-test-"));
  return {
    paths: { config: join(root, "config"), state: join(root, "state"), runtime: join(root, "run") },
    profile: { name, gateway: new URL(gateway) },
    dispose: () => rm(root, { recursive: true, force: true }),
  };
}

/** Logs `person` in by the device flow, confirming the code in the provider's pages as a browser would. */
export async function logIn(laptop: Laptop, person: string): Promise<LoggedIn> {
  const clicks: Promise<void>[] = [];
  const done = await login({
    paths: laptop.paths,
    profile: laptop.profile,
    insecureStorage: true,
    signal: AbortSignal.timeout(30_000),
    on: (event) => {
      if (event.kind === "code") clicks.push(signIn(event.completeAddress ?? event.address, person));
    },
  });
  await Promise.all(clicks);
  return done;
}

/** Credentials of a person who has just logged in. */
export async function credentialsOf(laptop: Laptop, person: string): Promise<Credentials> {
  await logIn(laptop, person);
  return await openCredentials(laptop.paths, laptop.profile);
}
