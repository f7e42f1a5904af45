import { z } from "zod";
import { IhcError } from "../base/errors.ts";
import { requestView } from "../core/api/schema.ts";
import { type Running, start } from "./run.ts";
import { signIn } from "./sign-in.ts";
import type { Stage } from "./stage.ts";

/** What the cast needs of a stage; tests build smaller ones. */
export type Scene = Pick<Stage, "gateway" | "ihc"> & { readonly home: Pick<Stage["home"], "environment"> };

/** Starts `ihc …` as that person, in a home of their own. */
export function ihcAs(
  scene: Scene,
  person: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Running {
  const [program, ...first] = scene.ihc;
  return start(program, [...first, ...args], { env: { ...scene.home.environment(person), ...env } });
}

/** Logs the person in with the real command, and confirms the code in the provider's pages as their browser would. */
export async function logInAs(scene: Scene, person: string): Promise<Running> {
  const login = ihcAs(scene, person, ["login", "--gateway", scene.gateway, "--insecure-storage"]);
  const [, code = "", address = ""] = await login.until(/one-time code: (\S+)[\s\S]*?Open (\S+)/);
  await signIn(`${address}?user_code=${encodeURIComponent(code)}`, person);
  await succeeds(login);
  return login;
}

/** The command's output after it has ended well; throws IhcError `unavailable` with what it said otherwise. */
export async function succeeds(running: Running, ms?: number): Promise<string> {
  const code = await running.ended(ms);
  if (code !== 0)
    throw new IhcError("unavailable", `a command ended with ${code}: ${running.output().trim()}`);
  return running.output();
}

/** Reads a request as a reviewer does and approves or denies exactly what was shown. */
export async function reviewAs(
  scene: Scene,
  person: string,
  request: string,
  answer: "approve" | "deny" = "approve",
): Promise<Running> {
  const shown = ihcAs(scene, person, ["requests", request, "--json"]);
  await succeeds(shown);
  const { request: seen } = z.object({ request: requestView }).parse(JSON.parse(shown.stdout()));
  return ihcAs(scene, person, [answer, request, "--yes", "--digest", seen.digest]);
}
