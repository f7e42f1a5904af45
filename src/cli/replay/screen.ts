import { StringDecoder } from "node:string_decoder";
import { DrawingOnly, withoutControls } from "../../base/terminal.ts";
import { shownText } from "../statement-text.ts";
import type { Of, Told } from "./line.ts";

/** What a command in a container shows: pieces of a terminal, or whole lines without anything that steers one. */
export class Screen {
  readonly #terminal: boolean;
  readonly #tty: boolean;
  readonly #streams = new Map<string, Stream>();

  constructor(terminal: boolean, tty: boolean) {
    this.#terminal = terminal;
    this.#tty = tty;
  }

  show({ stream, data }: Of<"output">): Told {
    const known = this.#streams.get(stream) ?? newStream();
    this.#streams.set(stream, known);
    const text = known.decoder.write(Buffer.from(data));
    // A terminal echoes what is typed.
    if (this.#terminal && stream === "in") return [];
    if (this.#terminal) return this.#drawn(known.drawing.push(text));
    const lines = (known.rest + text).split("\n");
    known.rest = lines.pop() ?? "";
    return plain(stream, lines);
  }

  resize({ columns, rows }: Of<"resize">): Told {
    return this.#terminal ? [["size", `${columns}x${rows}`]] : [];
  }

  /** What had no line break, and a terminal that is fit for what comes after. */
  end(): Told {
    if (this.#terminal) return [["terminal", reset]];
    const told = [...this.#streams].flatMap(([stream, { rest }]) =>
      rest === "" ? [] : plain(stream, [rest]),
    );
    this.#streams.clear();
    return told;
  }

  #drawn(text: string): Told {
    if (text === "") return [];
    return [["terminal", this.#tty ? text : text.replaceAll("\n", "\r\n")]];
  }
}

interface Stream {
  readonly decoder: StringDecoder;
  readonly drawing: DrawingOnly;
  rest: string;
}

function newStream(): Stream {
  return { decoder: new StringDecoder("utf8"), drawing: new DrawingOnly(), rest: "" };
}

/** The main screen, a visible cursor at the start of a line, plain letters, no margins. */
const reset = "\u001b[?1049l\u001b[r\u001b[?25h\u001b[m\r\n";

const marks: Readonly<Record<string, string>> = { out: "   ", err: " ! ", in: " < " };

function plain(stream: string, lines: readonly string[]): Told {
  return lines
    .flatMap((line) => shownText(withoutControls(line)).lines)
    .map((line) => [stream === "err" ? "bad" : "plain", `${marks[stream] ?? ""}${line}`] as const);
}
