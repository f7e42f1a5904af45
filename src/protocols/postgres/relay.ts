import type { Duplex } from "node:stream";
import { IhcError } from "../../base/errors.ts";
import type { Session } from "../../core/session/session.ts";
import type { Upstream } from "../protocol.ts";
import type { Change } from "./actions.ts";
import { Answers } from "./answers.ts";
import type { Catalog } from "./catalog.ts";
import { createClassifier } from "./classify.ts";
import { fatal } from "./denial.ts";
import { hangUp } from "./hang-up.ts";
import { Hold } from "./hold.ts";
import type { Inbox } from "./inbox.ts";
import { Joined } from "./joined.ts";
import { Judge } from "./judge.ts";
import { answerMasks } from "./masks.ts";
import { Names, type Prepared } from "./names.ts";
import { Output } from "./output.ts";
import { OwedQueue } from "./owed.ts";
import type { Portal } from "./portal.ts";
import { Progress } from "./progress.ts";
import { Requests } from "./requests.ts";
import { RowCap } from "./row-cap.ts";
import type { PostgresSettings } from "./settings.ts";
import { Shapes } from "./shapes.ts";
import { cancelBackend, type Link } from "./upstream.ts";
import { WireError } from "./wire/cursor.ts";
import { FrontendDecoder } from "./wire/frontend.ts";

export interface RelayParts {
  readonly client: Duplex;
  readonly inbox: Inbox;
  readonly session: Session;
  readonly upstream: Upstream<PostgresSettings>;
  readonly link: Link;
  readonly catalog: Catalog;
}

/** Recorded bytes after which the journal is asked whether it keeps up. */
const journalStep = 256 * 1024;

/** How long the server may take to hear that a query is to be stopped, milliseconds. */
const cancelPatience = 2_000;

/**
 * Passes messages both ways until one side leaves or the session ends. `ready` tells the client that it may begin, given
 * what a CancelRequest must do; it returns what to do at the end.
 */
export async function relay(
  parts: RelayParts,
  ready: (cancel: () => Promise<void>) => () => void,
): Promise<void> {
  const conversation = new Conversation(parts);
  const dispose = ready(() => conversation.cancel());
  try {
    await conversation.run();
  } finally {
    dispose();
  }
}

class Conversation {
  readonly #parts: RelayParts;
  readonly #owed = new OwedQueue();
  readonly #output: Output;
  readonly #progress: Progress;
  readonly #answers: Answers;
  readonly #requests: Requests;
  readonly #hold: Hold;
  readonly #ended = new AbortController();
  readonly #classifier: ReturnType<typeof createClassifier>;
  #generation = 0;
  /** The catalog may have changed in the transaction that is open. */
  #dirty = false;
  #journaled = 0;
  #pauses = 0;
  /** What goes to the server at the end of this turn. */
  readonly #toSend: Joined;
  #sending = false;
  /** A message of the client's is being judged or waits. */
  #busy = false;

  constructor(parts: RelayParts) {
    this.#parts = parts;
    const { session, upstream, catalog, link } = parts;
    this.#toSend = new Joined((bytes) => link.socket.write(bytes));
    const { parser, shared, settings } = upstream;
    const classifier = createClassifier({
      catalog,
      masks: session.masks,
      parser,
      functions: settings.functions,
      shared,
    });
    this.#classifier = classifier;
    const statements = new Names<Prepared>();
    const portals = new Names<Portal>();
    const generation = (): number => this.#generation;
    const output = new Output((bytes) => this.#toClient(bytes));
    this.#output = output;
    const masks = answerMasks(session, classifier);
    const shapes = new Shapes();
    const progress = new Progress(session, this.#owed, masks, shapes);
    this.#progress = progress;
    const common = { session, owed: this.#owed, statements, portals, generation, output };
    this.#answers = new Answers({
      ...common,
      masks,
      shapes,
      progress,
      onReady: (status) => this.#onReady(status),
      onCopyIn: (waits) => this.#requests.copyIn(waits),
    });
    this.#hold = new Hold(this.#ended.signal, settings.hold_timeout, (m) => output.interject(m));
    const asked = {
      ...common,
      cap: new RowCap(settings.rows_written),
      send: (bytes: Buffer) => this.#toServer(bytes),
    };
    const changed = (what: Change): void => this.#changed(what);
    const judge = new Judge({ ...asked, classifier, hold: this.#hold, changed });
    this.#requests = new Requests({ ...asked, judge, answers: this.#answers });
  }

  /** What the client's CancelRequest does: gives up a wait for approval, else stops the query at the server. */
  async cancel(): Promise<void> {
    if (!this.#hold.cancel()) await this.#cancelAtServer();
  }

  async run(): Promise<void> {
    const { session, inbox, link } = this.#parts;
    const over = Promise.withResolvers<void>();
    this.#ended.signal.addEventListener("abort", () => over.resolve(), { once: true });
    const revoked = (): void =>
      this.#end(fatal("57P01", `ihc: ${sessionReason(session.signal)}`, "connect again: ihc connect"));
    session.signal.addEventListener("abort", revoked, { once: true });
    const left = (): void => this.#leave();
    inbox.gone.addEventListener("abort", left, { once: true });
    this.#listen();
    if (session.signal.aborted) revoked();
    if (inbox.gone.aborted) left();
    this.#pump().catch((cause: unknown) => this.#broken(cause));
    await over.promise;
    session.signal.removeEventListener("abort", revoked);
    if (!this.#owed.empty || this.#answers.status !== "I") await this.#cancelAtServer();
    link.close();
  }

  /** The client's messages, one after the other; a slow server makes the client wait. */
  async #pump(): Promise<void> {
    const { inbox, link } = this.#parts;
    const decoder = new FrontendDecoder();
    for (;;) {
      const chunk = await inbox.next(this.#ended.signal);
      if (chunk === undefined) return this.#end();
      for (const message of decoder.push(chunk)) {
        if (this.#ended.signal.aborted || message.type === "terminate") return this.#end();
        this.#busy = true;
        await this.#requests.take(message);
        this.#busy = false;
        if (link.socket.writableNeedDrain) await this.#drained();
      }
    }
  }

  #drained(): Promise<void> {
    const { socket } = this.#parts.link;
    return new Promise((resolve) => {
      socket.once("drain", resolve);
      this.#ended.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  #listen(): void {
    const { socket } = this.#parts.link;
    const early = this.#parts.link.handOver();
    socket.on("data", (chunk: Buffer) => this.#fromServer(chunk));
    socket.on("close", () => this.#serverGone());
    socket.on("end", () => this.#serverGone());
    for (const chunk of early) this.#fromServer(chunk);
    socket.resume();
  }

  #fromServer(chunk: Buffer): void {
    if (this.#ended.signal.aborted) return;
    try {
      this.#answers.push(chunk);
    } catch (cause) {
      this.#broken(cause);
      return;
    }
    const { client, session } = this.#parts;
    if (client.writableNeedDrain) this.#pauseUntil(new Promise((resolve) => client.once("drain", resolve)));
    if (this.#progress.recordedBytes - this.#journaled >= journalStep) {
      this.#journaled = this.#progress.recordedBytes;
      this.#pauseUntil(session.recorded());
    }
  }

  #pauseUntil(done: Promise<unknown>): void {
    const { socket } = this.#parts.link;
    this.#pauses++;
    socket.pause();
    const go = (): void => {
      this.#pauses--;
      if (this.#pauses === 0 && !this.#ended.signal.aborted) socket.resume();
    };
    done.then(go, go);
  }

  #toClient(bytes: Uint8Array): void {
    if (!this.#ended.signal.aborted) this.#parts.client.write(bytes);
  }

  /** Messages of one turn leave together. */
  #toServer(bytes: Buffer): void {
    if (this.#ended.signal.aborted) return;
    if (!this.#sending) {
      this.#sending = true;
      this.#parts.link.socket.cork();
      process.nextTick(() => this.#sendAll());
    }
    this.#toSend.add(bytes);
  }

  #sendAll(): void {
    if (!this.#sending) return;
    this.#sending = false;
    this.#toSend.flush();
    this.#parts.link.socket.uncork();
  }

  #changed(what: Change): void {
    this.#generation++;
    if (what !== "catalog") return;
    this.#dirty = true;
    this.#classifier.invalidate();
  }

  /** What a transaction did to the catalog is visible to others, or undone, only now. */
  #onReady(status: string): void {
    if (!this.#dirty || status !== "I") return;
    this.#dirty = false;
    this.#generation++;
    this.#classifier.invalidate();
  }

  #serverGone(): void {
    if (this.#ended.signal.aborted) return;
    this.#end(this.#answers.fatal ? undefined : fatal("08006", "ihc: the database closed the connection"));
  }

  /** The client has gone. What is under way is stopped; an idle connection ends when its last bytes are read. */
  #leave(): void {
    if (this.#busy || !this.#owed.empty) this.#end();
  }

  #broken(cause: unknown): void {
    if (cause instanceof WireError) {
      this.#end(fatal(cause.sqlstate, `ihc: ${cause.message}`));
      return;
    }
    const message = cause instanceof IhcError ? cause.message : "the gateway failed; nothing more was sent";
    this.#parts.upstream.log("error", "a postgres connection broke", {
      reason: cause instanceof Error ? cause.message : "unknown",
    });
    this.#end(fatal("XX000", `ihc: ${message}`));
  }

  /** Ends both sides, with a last word to the client where one fits between two messages. */
  #end(lastWord?: Buffer): void {
    if (this.#ended.signal.aborted) return;
    this.#sendAll();
    if (lastWord && this.#output.betweenFrames) this.#parts.client.write(lastWord);
    this.#ended.abort();
    hangUp(this.#parts.client);
  }

  async #cancelAtServer(): Promise<void> {
    const { upstream, link } = this.#parts;
    try {
      await cancelBackend(upstream.settings, link, AbortSignal.timeout(cancelPatience));
    } catch (cause) {
      if (!(cause instanceof IhcError)) throw cause;
      upstream.log("warn", "a query could not be cancelled", { reason: cause.message });
    }
  }
}

function sessionReason(signal: AbortSignal): string {
  return signal.reason instanceof IhcError ? signal.reason.message : "the session has ended";
}
