import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { z } from "zod";
import { obtain } from "../agent/access.ts";
import { privateFolder } from "../agent/paths.ts";
import type { Running } from "../agent/running.ts";
import { IhcError } from "../base/errors.ts";
import { visible } from "../base/text.ts";
import type { Context } from "./context.ts";
import type { Invocation } from "./options.ts";
import { chooseWhere } from "./where.ts";
import { accessTeller, wishOf } from "./wish.ts";

type Message =
  | { readonly kind: "ready"; readonly running: Running }
  | { readonly kind: "failed"; readonly message: string };

const message = z.union([
  z.object({
    kind: z.literal("ready"),
    running: z.looseObject({
      session: z.string(),
      address: z.string(),
      port: z.int(),
      socket: z.string().optional(),
      dsn: z.string(),
      protocol: z.string(),
      expiration: z.string(),
      environment: z.record(z.string(), z.string()),
    }),
  }),
  z.object({ kind: z.literal("failed"), message: z.string() }),
]);

const patience = 60_000;

/** A child that runs detached tells its parent how it went; a process without a parent tells nobody. */
export function tellParent(told: Message): void {
  if (process.send === undefined || !process.connected) return;
  process.send(told);
  process.disconnect();
}

/** Gets access here, where somebody can be asked, then leaves a detached process behind that holds the session. */
export async function runInBackground(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  const emit = (event: string, fields: object): void => {
    if (context.json) io.json({ v: 1, event, ...fields });
  };
  const teller = accessTeller(context, emit);
  const control = await context.control();
  const access = await obtain(
    control,
    wishOf(context, typed, typed.flag("wait")),
    teller.tell,
    context.clock,
    context.signal,
  ).finally(teller.stop);
  await chooseWhere(context, typed, access.target, false);
  const running = await started(context, await logFile(context, access.target.name));
  const at = running.socket ?? `${running.address}:${running.port}`;
  emit("connected", {
    address: running.address,
    port: running.port,
    socket: running.socket,
    protocol: running.protocol,
    expiration: running.expiration,
    session_id: running.session,
  });
  emit("ready", { dsn: running.dsn, environment: running.environment });
  io.say(
    `  ${io.err.bold(visible(access.target.name))} on ${io.err.bold(visible(at))}   session ${running.session}   in the background`,
  );
  io.say(`    end it with ihc disconnect ${access.target.name}`);
  return undefined;
}

type Ready = Extract<z.infer<typeof message>, { kind: "ready" }>["running"];

async function started(
  context: Context,
  log: { readonly fd: number; close(): Promise<void> },
): Promise<Ready> {
  const profile = (await context.profile()).name;
  const own = process.argv.slice(2).map((word) => (word === "--background" ? "--background-child" : word));
  const child = spawn(process.execPath, [process.argv[1] ?? "", ...own, "--no-input", "--profile", profile], {
    detached: true,
    stdio: ["ignore", log.fd, log.fd, "ipc"],
    env: context.io.environment(),
  });
  try {
    return await new Promise<Ready>((resolve, reject) => {
      const failed = (why: string): void =>
        reject(
          new IhcError("unavailable", `the background process ${why}`, {
            hint: "run it without --background to see why",
          }),
        );
      const timer = setTimeout(() => failed("did not get ready"), patience);
      const over = (act: () => void): void => {
        clearTimeout(timer);
        act();
      };
      child.once("error", () => over(() => failed("could not be started")));
      child.once("exit", (code) => over(() => failed(`ended with code ${code}`)));
      child.once("message", (raw) => {
        const told = message.safeParse(raw);
        over(() =>
          told.success && told.data.kind === "ready" ? resolve(told.data.running) : failed("failed"),
        );
      });
    });
  } catch (error) {
    child.kill();
    throw error;
  } finally {
    child.removeAllListeners();
    if (child.connected) child.disconnect();
    child.unref();
    await log.close();
  }
}

/** Nobody can put a link there beforehand: the folder is ours alone, and links are not followed. */
async function logFile(
  context: Context,
  target: string,
): Promise<{ readonly fd: number; close(): Promise<void> }> {
  const folder = await privateFolder(join(context.paths.state, "log"));
  const path = join(folder, `${target.replaceAll(/[^A-Za-z0-9._-]/g, "_")}.log`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  return await open(path, flags, 0o600);
}
