import { chmod, readdir, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { z } from "zod";
import { IhcError } from "../base/errors.ts";
import { answers } from "./listener.ts";
import { type AgentPaths, privateFolder, readPrivate, removePrivate, writePrivate } from "./paths.ts";

/** One running `ihc connect`, as other commands of the same person see it. Holds no secret. */
export type Running = z.infer<typeof running>;

const running = z.object({
  pid: z.int(),
  target: z.string(),
  protocol: z.string(),
  gateway: z.string(),
  profile: z.string(),
  session: z.string(),
  address: z.string(),
  port: z.int(),
  socket: z.string().optional(),
  /** Of the access, RFC 3339. */
  expiration: z.string(),
  started_at: z.string(),
  background: z.boolean(),
  connections: z.int(),
  dsn: z.string(),
  environment: z.record(z.string(), z.string()),
});

const replyFormat = z.object({ ok: z.literal(true), running });

export interface Registration {
  /** Writes the present state for when nobody asks it: a session was replaced. */
  update(): Promise<void>;
  close(): Promise<void>;
}

const patience = 2000;
const longestLine = 4096;

/**
 * Makes this process visible to `ihc status` and stoppable by `ihc disconnect`: a state file and a control socket (0600) in a
 * folder that only we can enter (0700), which is what proves who asks.
 */
export async function register(
  paths: AgentPaths,
  state: () => Running,
  stop: () => void,
): Promise<Registration> {
  const folder = await runningFolder(paths);
  const name = `${process.pid}-${state().session.slice(-6)}`;
  const [file, path] = [join(folder, `${name}.json`), join(folder, `${name}.sock`)];
  const server = createServer((socket) => answer(socket, state, stop));
  await listening(server, path);
  await chmod(path, 0o600);
  server.unref();
  const update = (): Promise<void> => writePrivate(file, `${JSON.stringify(state())}\n`);
  await update();
  return {
    update,
    close: async () => {
      await removePrivate(file);
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(path, { force: true });
    },
  };
}

/** Everything that runs, asked live. What a crashed process left behind is removed. */
export async function listRunning(paths: AgentPaths): Promise<readonly Running[]> {
  const folder = await runningFolder(paths);
  const names = (await readdir(folder))
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -5));
  const found = await Promise.all(names.map((name) => live(folder, name)));
  const alive = found.filter((entry) => entry.kind === "alive").map((entry) => entry.running);
  const used = new Set(alive.flatMap((entry) => sessionFolders(paths, entry)));
  for (const entry of found) {
    if (entry.kind === "alive") continue;
    const left = entry.running === undefined ? [] : sessionFolders(paths, entry.running);
    for (const path of left) if (!used.has(path)) await rm(path, { recursive: true, force: true });
  }
  return alive.toSorted((a, b) => a.started_at.localeCompare(b.started_at));
}

/** Where the session's files lie, its password among them: a crashed process could not remove them. */
function sessionFolders(paths: AgentPaths, { environment }: Running): readonly string[] {
  const parent = join(paths.runtime, "sessions");
  const folders = Object.values(environment).map((value) => dirname(value));
  return [...new Set(folders)].filter((path) => dirname(path) === parent);
}

/** Asks a running connection to end and waits until it has. */
export async function stopRunning(paths: AgentPaths, entry: Running): Promise<void> {
  const folder = await runningFolder(paths);
  const name = `${entry.pid}-${entry.session.slice(-6)}`;
  const names = (await readdir(folder)).filter((n) => n.startsWith(`${entry.pid}-`) && n.endsWith(".sock"));
  const path = join(folder, names.includes(`${name}.sock`) ? `${name}.sock` : (names[0] ?? `${name}.sock`));
  await ask(path, "stop");
  for (let waited = 0; waited < 100 && (await answers(path)); waited += 1)
    await new Promise((r) => setTimeout(r, 50));
}

async function runningFolder(paths: AgentPaths): Promise<string> {
  await privateFolder(paths.runtime);
  return await privateFolder(join(paths.runtime, "running"));
}

type Found =
  | { readonly kind: "alive"; readonly running: Running }
  | { readonly kind: "gone"; readonly running: Running | undefined };

async function live(folder: string, name: string): Promise<Found> {
  const path = join(folder, `${name}.sock`);
  try {
    return { kind: "alive", running: await ask(path, "status") };
  } catch (error) {
    if (!(error instanceof IhcError)) throw error;
  }
  const file = join(folder, `${name}.json`);
  const written = running.safeParse(json((await readPrivate(file))?.toString("utf8") ?? ""));
  if (written.success && isAlive(written.data.pid) && (await answers(path)))
    return { kind: "alive", running: written.data };
  await removePrivate(file);
  await rm(path, { force: true });
  return { kind: "gone", running: written.data };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(
        new IhcError("unavailable", "cannot open the control socket", {
          cause,
          hint: "is XDG_RUNTIME_DIR too long a path?",
        }),
      ),
    );
    server.listen(path, () => resolve());
  });
}

/** One line in, one line out. */
function answer(socket: Socket, state: () => Running, stop: () => void): void {
  let line = "";
  socket.setTimeout(patience, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    line += chunk;
    if (line.length > longestLine) socket.destroy();
    if (!line.includes("\n")) return;
    const word = line.slice(0, line.indexOf("\n"));
    if (word !== "status" && word !== "stop") socket.destroy();
    else socket.end(`${JSON.stringify({ ok: true, running: state() })}\n`);
    if (word === "stop") stop();
  });
}

function ask(path: string, word: "status" | "stop"): Promise<Running> {
  return new Promise((resolve, reject) => {
    const gone = (cause?: unknown): void =>
      reject(new IhcError("unavailable", "the connection does not answer", { cause }));
    let text = "";
    const socket = connect(path);
    socket.setTimeout(patience, () => socket.destroy(new Error("no answer")));
    socket.setEncoding("utf8");
    socket.on("error", gone);
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("end", () => {
      const reply = replyFormat.safeParse(json(text));
      if (reply.success) resolve(reply.data.running);
      else gone();
    });
    socket.write(`${word}\n`);
  });
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
