import { parentPort } from "node:worker_threads";
import { IhcError } from "../base/errors.ts";

/** What the gateway asks: `module` exports `handle(input)`. */
export interface ParserCall {
  readonly id: number;
  readonly module: string;
  readonly input: unknown;
}

/** `sound` is false when the module failed in a way of its own: its state can no longer be trusted. */
export type ParserAnswer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | {
      readonly id: number;
      readonly ok: false;
      readonly sound: boolean;
      readonly message: string;
      readonly hint?: string;
    };

type Handle = (input: unknown) => unknown;

const handles = new Map<string, Promise<Handle>>();

parentPort?.on("message", (call: ParserCall) => {
  void answer(call).then((result) => parentPort?.postMessage(result));
});

async function answer(call: ParserCall): Promise<ParserAnswer> {
  try {
    const handle = await load(call.module);
    return { id: call.id, ok: true, value: await handle(call.input) };
  } catch (error) {
    if (!(error instanceof IhcError))
      return { id: call.id, ok: false, sound: false, message: "the parser failed" };
    const told = { id: call.id, ok: false, sound: true, message: error.message } as const;
    return error.hint === undefined ? told : { ...told, hint: error.hint };
  }
}

function load(module: string): Promise<Handle> {
  const known = handles.get(module);
  if (known !== undefined) return known;
  const loading = import(module).then((exports: unknown) => handleOf(exports));
  handles.set(module, loading);
  return loading;
}

function handleOf(exports: unknown): Handle {
  if (typeof exports === "object" && exports !== null && "handle" in exports) {
    const { handle } = exports;
    if (typeof handle === "function") return (input) => handle(input);
  }
  throw new TypeError("a parser module exports handle(input)");
}
