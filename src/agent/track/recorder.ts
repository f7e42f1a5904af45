import { randomBytes } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { IhcError } from "../../base/errors.ts";
import { newId, parseId, type SessionId } from "../../base/ids.ts";
import type { SessionView } from "../../core/api/schema.ts";
import type { JournalEvent } from "../../core/journal/event.ts";
import { compileMasks } from "../../core/masking/compile.ts";
import { detectorNames, type Masked } from "../../core/masking/rule.ts";
import { maskStream } from "../../core/masking/stream.ts";
import type { ControlClient } from "../control-client.ts";
import type { AgentPaths } from "../paths.ts";
import { beginSpool, dropSpool, type Spooled } from "./folder.ts";
import { type SpoolWriter, spoolWriter } from "./spool.ts";
import { sendParts } from "./upload.ts";

/**
 * Records the local terminal of one session: masked by every detector, spooled to the disk, uploaded while the session runs.
 * A copy that shows what the person saw; what counts is the gateway's own recording, so a laptop that cannot record goes on
 * and says so.
 */
export interface Recorder {
  output(stream: "out" | "err", bytes: Uint8Array): void;
  resize(columns: number, rows: number): void;
  note(text: string): void;
  /** Ends the recording and waits a moment for the upload. Resolves false when some of it is left for `ihc upload`. */
  end(reason: string): Promise<boolean>;
}

export interface RecorderOptions {
  readonly paths: AgentPaths;
  readonly control: ControlClient;
  readonly session: SessionView;
  readonly clock: Clock;
  /** Told once, when the recording cannot go on. */
  readonly failed: (error: unknown) => void;
}

/** Bytes of output that are recorded. */
const most = 64 * 1024 * 1024;
/** How long the end waits for the upload, and how long a failed one rests, milliseconds. */
const patience = 3000;
const rest = 5000;

export async function recordTerminal(options: RecorderOptions): Promise<Recorder> {
  const { session, control } = options;
  const id = parseId("ses", session.id);
  if (!id) throw new IhcError("internal", "the gateway named no session");
  const spooled = await beginSpool(options.paths, {
    session: id,
    gateway: control.profile.gateway.origin,
    profile: control.profile.name,
    target: session.target,
    pid: process.pid,
  });
  const recorder = new TerminalRecorder(options, spooled);
  recorder.begin(id);
  return recorder;
}

class TerminalRecorder implements Recorder {
  readonly #options: RecorderOptions;
  readonly #spooled: Spooled;
  readonly #writer: SpoolWriter;
  readonly #connection = newId("con");
  readonly #masks = compileMasks(
    { rules: [{ detect: detectorNames, how: "redact" }], mode: "strict" },
    randomBytes(32),
  );
  readonly #streams: Readonly<Record<"out" | "err", ReturnType<typeof maskStream>>>;
  #room = most;
  #broken = false;
  #sending: Promise<boolean> | undefined;
  #again: NodeJS.Timeout | undefined;

  constructor(options: RecorderOptions, spooled: Spooled) {
    this.#options = options;
    this.#spooled = spooled;
    this.#writer = spoolWriter(spooled.folder, options.clock, () => void this.#send());
    this.#streams = { out: maskStream(this.#masks), err: maskStream(this.#masks) };
  }

  /** The first part leaves at once: a track that has begun may be finished after the session has ended. */
  begin(id: SessionId): void {
    const { person, target, protocol, reason, incident, via, grant, break_glass } = this.#options.session;
    this.#add({
      type: "session",
      session: id,
      person,
      target,
      protocol,
      reason: this.#masks.text(reason),
      approvedBy: [],
      breakGlass: break_glass,
      policyVersion: "",
      ...(incident === undefined ? {} : { incident }),
      ...(via === undefined ? {} : { via }),
      ...(grant === undefined ? {} : { grant }),
    });
    this.#add({ type: "connection", connection: this.#connection, state: "open" });
    void this.#cut();
  }

  output(stream: "out" | "err", bytes: Uint8Array): void {
    if (this.#room <= 0) return;
    this.#room -= bytes.length;
    this.#shown(stream, this.#streams[stream].push(bytes));
    if (this.#room <= 0) this.note("the recording limit is reached; the rest is not in this track");
  }

  resize(columns: number, rows: number): void {
    this.#add({ type: "resize", connection: this.#connection, columns, rows });
  }

  note(text: string): void {
    this.#add({ type: "note", text });
  }

  async end(reason: string): Promise<boolean> {
    for (const stream of ["out", "err"] as const) this.#shown(stream, this.#streams[stream].end());
    this.#add({ type: "connection", connection: this.#connection, state: "closed" });
    this.#add({ type: "end", reason, complete: true });
    await this.#cut();
    clearTimeout(this.#again);
    await this.#sending;
    const all = !this.#broken && (await this.#send());
    if (all) await dropSpool(this.#spooled);
    return all;
  }

  #shown(stream: "out" | "err", data: Masked<Uint8Array>): void {
    if (data.length > 0) this.#add({ type: "output", connection: this.#connection, stream, data });
  }

  #add(event: JournalEvent): void {
    if (this.#broken) return;
    try {
      this.#writer.add(event);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #cut(): Promise<void> {
    try {
      await this.#writer.cut();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (!this.#broken) this.#options.failed(error);
    this.#broken = true;
  }

  /** One upload at a time; what fails is tried again while the session runs. Resolves true when all that is whole has left. */
  #send(): Promise<boolean> {
    this.#sending ??= this.#sendNow().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #sendNow(): Promise<boolean> {
    clearTimeout(this.#again);
    try {
      await sendParts(this.#spooled, this.#options.control, AbortSignal.timeout(patience));
      return true;
    } catch (error) {
      if (!(error instanceof IhcError)) this.#fail(error);
      this.#again = setTimeout(() => void this.#send(), rest);
      this.#again.unref();
      return false;
    }
  }
}
