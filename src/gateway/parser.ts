import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { IhcError } from "../base/errors.ts";
import type { Parser } from "../protocols/protocol.ts";
import type { ParserAnswer, ParserCall } from "./parser-worker.ts";

export interface ParserOptions {
  /** Milliseconds one call may take once its module is loaded. */
  readonly timeout?: number;
  /** Milliseconds the first call of a module may take, which compiles WASM. */
  readonly firstTimeout?: number;
  readonly stackSizeMb?: number;
  readonly heapMb?: number;
}

export interface WorkerParser extends Parser {
  /** Calls `module` once per input so that later calls meet compiled code. */
  warm(module: URL, inputs: readonly unknown[]): Promise<void>;
  /** Ends the worker; open calls are refused. */
  close(): Promise<void>;
}

/**
 * Parsers of untrusted text in a worker thread with limits of its own, without the environment. A call that fails, hangs
 * or exhausts the worker is refused with IhcError `invalid`; unless the module threw an IhcError itself, the worker is
 * thrown away with everything that waits in it, because a WASM parser that trapped may answer wrongly from then on.
 */
export function createParser(options: ParserOptions = {}): WorkerParser {
  // The optimizing compiler takes 550 MiB for a moment over a grammar's one large function and makes a parse no faster.
  for (const flag of ["--no-wasm-tier-up", "--no-wasm-dynamic-tiering"]) setFlagsFromString(flag);
  let current: Lane | undefined;
  let closed = false;
  const call = (module: URL, input: unknown): Promise<unknown> => {
    if (closed) return Promise.reject(refused("the parser is closed"));
    if (!current?.alive) current = new Lane(options);
    return current.call(module.href, input);
  };
  return {
    call,
    warm: async (module, inputs) => {
      for (const input of inputs) await call(module, input);
    },
    close: async () => {
      closed = true;
      await current?.end("the parser is closed");
    },
  };
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: IhcError) => void;
  readonly timer: NodeJS.Timeout;
  readonly module: string;
}

/** One worker and the calls that wait in it. */
class Lane {
  alive = true;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #loaded = new Set<string>();
  readonly #options: ParserOptions;
  #next = 0;

  constructor(options: ParserOptions) {
    this.#options = options;
    const file = import.meta.url.endsWith(".ts") ? "./parser-worker.ts" : "./parser-worker.js";
    this.#worker = new Worker(new URL(file, import.meta.url), {
      env: {},
      resourceLimits: {
        stackSizeMb: options.stackSizeMb ?? 8,
        maxOldGenerationSizeMb: options.heapMb ?? 256,
      },
    });
    this.#worker.on("message", (answer: ParserAnswer) => this.#settle(answer));
    this.#worker.on("error", () => void this.end("the parser stopped"));
    this.#worker.on("exit", () => void this.end("the parser stopped"));
    this.#worker.unref();
  }

  call(module: string, input: unknown): Promise<unknown> {
    const id = this.#next++;
    const { timeout = 2000, firstTimeout = 20_000 } = this.#options;
    const limit = this.#loaded.has(module) ? timeout : firstTimeout;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => void this.end("the parser took too long"), limit);
      this.#waiting.set(id, { resolve, reject, timer, module });
      this.#worker.ref();
      try {
        this.#worker.postMessage({ id, module, input } satisfies ParserCall);
      } catch (cause) {
        this.#take(id);
        reject(refused("the parser cannot be given this input", cause));
      }
    });
  }

  /** Refuses what waits and ends the thread; safe to call again. */
  async end(reason: string): Promise<void> {
    this.alive = false;
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(refused(reason));
    await this.#worker.terminate();
  }

  #settle(answer: ParserAnswer): void {
    const waiting = this.#take(answer.id);
    if (!waiting) return;
    if (answer.ok) {
      this.#loaded.add(waiting.module);
      waiting.resolve(answer.value);
      return;
    }
    const { message, hint } = answer;
    waiting.reject(new IhcError("invalid", message, hint === undefined ? {} : { hint }));
    if (!answer.sound) void this.end("the parser stopped");
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (!waiting) return undefined;
    clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    // An idle worker must not keep the process alive.
    if (this.#waiting.size === 0) this.#worker.unref();
    return waiting;
  }
}

function refused(message: string, cause?: unknown): IhcError {
  return new IhcError("invalid", message, { hint: "shorten or simplify the statement", cause });
}
