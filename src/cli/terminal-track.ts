import type { Live } from "../agent/live.ts";
import { type Recorder, recordTerminal } from "../agent/track/recorder.ts";
import { IhcError } from "../base/errors.ts";
import { visible } from "../base/text.ts";
import type { Context } from "./context.ts";

/** The recording of one command's terminal, across the sessions that follow each other while it runs. */
export interface TerminalTrack {
  output(stream: "out" | "err", bytes: Uint8Array): void;
  resize(columns: number, rows: number): void;
  note(text: string): void;
  end(): Promise<void>;
}

/** Begins to record; a laptop that cannot says so once and goes on, since the gateway records by itself. */
export async function trackTerminal(context: Context, live: Live): Promise<TerminalTrack> {
  const { io, paths, clock } = context;
  const control = await context.control();
  const failed = (error: unknown): void => {
    const why = error instanceof Error ? error.message : String(error);
    io.say(`${io.err.yellow("!")} this terminal is not recorded any more: ${visible(why)}`);
  };
  const begin = async (): Promise<Recorder | undefined> => {
    try {
      return await recordTerminal({ paths, control, session: live.session(), clock, failed });
    } catch (error) {
      failed(error);
      return undefined;
    }
  };
  let session = live.session().id;
  let current = await begin();
  let size: readonly [number, number] | undefined;
  /** What happens while a new session's recording is being begun waits here. */
  let waiting: ((recorder: Recorder) => void)[] | undefined;
  const next = async (old: Recorder | undefined): Promise<void> => {
    await old?.end("the session was replaced");
    current = await begin();
    if (current && size) current.resize(...size);
    for (const tell of waiting ?? []) if (current) tell(current);
    waiting = undefined;
  };
  const tell = (what: (recorder: Recorder) => void): void => {
    if (live.session().id !== session) {
      session = live.session().id;
      waiting ??= [];
      void next(current);
    }
    if (waiting) waiting.push(what);
    else if (current) what(current);
  };
  return {
    output: (stream, bytes) => tell((recorder) => recorder.output(stream, bytes)),
    resize: (columns, rows) => {
      size = [columns, rows];
      tell((recorder) => recorder.resize(columns, rows));
    },
    note: (text) => tell((recorder) => recorder.note(text)),
    end: async () => {
      if (!current) return;
      try {
        if (!(await current.end("the command has ended")))
          io.say(`${io.err.yellow("!")} part of this terminal's recording waits here: ihc upload`);
      } catch (error) {
        if (!(error instanceof IhcError)) throw error;
        failed(error);
      }
    },
  };
}
