import { obtain } from "../../agent/access.ts";
import { childEnvironment } from "../../agent/client-help.ts";
import { goLive, type Live } from "../../agent/live.ts";
import type { Ending } from "../../agent/live-event.ts";
import { type Registration, type Running, register } from "../../agent/running.ts";
import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import { runInBackground, tellParent } from "../background.ts";
import { runChild } from "../child.ts";
import type { Context } from "../context.ts";
import { uploadLeftovers } from "../leftovers.ts";
import { liveTeller } from "../live-text.ts";
import type { Invocation } from "../options.ts";
import { trackTerminal } from "../terminal-track.ts";
import { chooseWhere } from "../where.ts";
import { accessTeller, wishOf } from "../wish.ts";

export async function run(context: Context, typed: Invocation): Promise<number | undefined> {
  const command = typed.args.slice(1);
  if (typed.flag("background")) {
    if (command.length > 0) throw new IhcError("usage", "--background and a command exclude each other");
    return await runInBackground(context, typed);
  }
  return await connect(context, typed, command);
}

type Emit = (event: string, fields: object) => void;

async function connect(
  context: Context,
  typed: Invocation,
  command: readonly string[],
): Promise<number | undefined> {
  const { io, clock, signal } = context;
  const emit = emitter(context, command.length > 0);
  const control = await context.control();
  const leftovers = uploadLeftovers(context);
  const teller = accessTeller(context, emit);
  const wish = wishOf(context, typed, typed.flag("wait"));
  const getAccess = async (): ReturnType<typeof obtain> => {
    try {
      return await obtain(control, wish, teller.tell, clock, signal);
    } finally {
      teller.stop();
    }
  };
  const access = await getAccess();
  const where = await chooseWhere(context, typed, access.target, command.length > 0);
  const live = await goLive({
    control,
    access,
    where,
    paths: context.paths,
    clock,
    reason: typed.text("reason"),
    incident: typed.text("incident"),
    home: command.length > 0 ? undefined : io.env("HOME"),
    tell: liveTeller(context, () => live, emit),
  });
  const stop = new AbortController();
  const registration = await register(
    context.paths,
    () => stateOf(context, live, typed),
    () => stop.abort(),
  );
  try {
    announce(context, live, emit, command.length > 0);
    tellParent({ kind: "ready", running: stateOf(context, live, typed) });
    if (command.length > 0) return await runCommand(context, typed, live, command, stop.signal);
    await stay(context, typed, live, registration, AbortSignal.any([signal, stop.signal]), async () => {
      await live.resume(await getAccess());
      announce(context, live, emit, false);
    });
    return undefined;
  } finally {
    await registration.close();
    await live.close();
    await leftovers;
    emit("completed", { session_id: live.session().id });
    if (command.length === 0) io.say(`  ${visible(live.session().target)} disconnected`);
  }
}

/** Secrets reach the command as file paths only. */
async function runCommand(
  context: Context,
  typed: Invocation,
  live: Live,
  command: readonly string[],
  stop: AbortSignal,
): Promise<number> {
  const env = childEnvironment(context.io.environment(), live.session().protocol, live.help().environment);
  const track = typed.flag("record") ? await trackTerminal(context, live) : undefined;
  try {
    return await runChild({ command, env, stop, track });
  } finally {
    await track?.end();
  }
}

/** Keeps the address open until it is told to stop; access that ends is asked for again where somebody wants that. */
async function stay(
  context: Context,
  typed: Invocation,
  live: Live,
  registration: Registration,
  signal: AbortSignal,
  again: () => Promise<void>,
): Promise<void> {
  const stopped = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  for (;;) {
    const ending = await Promise.race([live.ending(), stopped]);
    if (ending === undefined) return;
    context.io.say(
      `${context.io.err.yellow("!")} ${visible(live.session().target)}: ${visible(ending.reason)}; its connections were cut`,
    );
    if (!(await wantsAgain(context, typed, ending))) {
      if (ending.kind === "ended")
        throw new IhcError("denied", ending.reason, {
          hint: `ask again: ihc connect ${live.session().target}`,
        });
      return;
    }
    await again();
    await registration.update();
  }
}

async function wantsAgain(context: Context, typed: Invocation, ending: Ending): Promise<boolean> {
  if (typed.flag("renew")) return ending.kind === "expired";
  if (!context.io.interactive) return false;
  const { confirm } = await import("@inquirer/prompts");
  return await confirm(
    { message: "Ask for access again, on the same address?", default: ending.kind === "expired" },
    { signal: context.signal, output: process.stderr },
  );
}

/** With a child, stdout belongs to the child. */
function emitter(context: Context, hasChild: boolean): Emit {
  return (event, fields) => {
    if (!context.json) return;
    const line = { v: 1, event, ...fields };
    if (hasChild) context.io.say(JSON.stringify(line));
    else context.io.json(line);
  };
}

function announce(context: Context, live: Live, emit: Emit, hasChild: boolean): void {
  const { io } = context;
  const session = live.session();
  const { address, port, socket } = addressOf(live);
  emit("connected", {
    address,
    port,
    socket,
    protocol: session.protocol,
    expiration: session.expires_at,
    session_id: session.id,
  });
  emit("ready", { dsn: live.help().dsn, environment: live.help().environment });
  if (hasChild || context.json) return;
  const at = socket ?? `${address}:${port}`;
  const marks = session.break_glass ? io.err.red("BREAK-GLASS, recorded") : "recorded, masked";
  io.say(
    `  ${io.err.bold(visible(session.target))} on ${io.err.bold(visible(at))}   session ${session.id}   ${marks}`,
  );
  for (const line of live.help().lines) io.say(`    ${visible(line)}`);
}

function stateOf(context: Context, live: Live, typed: Invocation): Running {
  const session = live.session();
  const { address, port, socket } = addressOf(live);
  return {
    pid: process.pid,
    target: session.target,
    protocol: session.protocol,
    gateway: live.profile.gateway.origin,
    profile: live.profile.name,
    session: session.id,
    address,
    port,
    ...(socket === undefined ? {} : { socket }),
    expiration: session.expires_at,
    started_at: startedAt(context).toISOString(),
    background: typed.flag("backgroundChild"),
    connections: live.connections(),
    dsn: live.help().dsn,
    environment: { ...live.help().environment },
  };
}

function startedAt(context: Context): Date {
  return new Date(context.clock.now().getTime() - process.uptime() * 1000);
}

function addressOf(live: Live): {
  readonly address: string;
  readonly port: number;
  readonly socket?: string;
} {
  const { host, port, socket } = live.address;
  return { address: host, port, ...(socket === undefined ? {} : { socket }) };
}
