import type { ConnectionId } from "../../base/ids.ts";
import type { Recorded } from "../../core/journal/event.ts";
import { decodeAnswers } from "../../protocols/kubernetes/decode.ts";
import type { Of, Teller, Telling, Told } from "./line.ts";
import { partOf } from "./line.ts";
import {
  type Asked,
  answerText,
  askedText,
  deniedText,
  goesOn,
  heldText,
  isCommand,
} from "./request-text.ts";
import { Screen } from "./screen.ts";

/**
 * Requests to a cluster as a log: a line for each when its answer is there, with verdict, status, sizes and what was masked.
 * A command in a container, a forwarded port or a watch has a line when it begins too. Discovery is counted.
 */
export function requestTeller(how: Telling): Teller {
  const log = new RequestLog(how);
  return (recorded) => log.tell(recorded);
}

class RequestLog {
  readonly #how: Telling;
  readonly #asked = new Map<string, Asked>();
  /** Commands that run: one takes a connection for itself. */
  readonly #screens = new Map<ConnectionId, { readonly operation: string; readonly screen: Screen }>();
  #commands = 0;
  #discoveries = 0;

  constructor(how: Telling) {
    this.#how = how;
  }

  tell(recorded: Recorded): ReturnType<Teller> {
    const part = this.#partOf(recorded);
    const told = this.#told(recorded);
    const silent = told.length === 0 && recorded.event.type !== "end";
    return [...(silent ? [] : this.#counted()), { part, told }];
  }

  #told(recorded: Recorded): Told {
    const { at, event } = recorded;
    switch (event.type) {
      case "connection":
        return this.#how.full ? [["note", `-- ${event.connection} ${event.state}`]] : [];
      case "operation":
        this.#asked.set(event.operation, { at, event, text: "", numbered: this.#number(event) });
        return [];
      case "verdict":
        return this.#judged(recorded.at, event);
      case "rows":
        return this.#rows(event);
      case "output":
        return this.#screens.get(event.connection)?.screen.show(event) ?? [];
      case "resize":
        return this.#screens.get(event.connection)?.screen.resize(event) ?? [];
      case "result":
        return this.#answered(recorded.at, event);
      case "end":
        return [...this.#asked.values()].flatMap((asked) => [
          ...askedText(asked, this.#how),
          ["bad", "   no answer is on record"],
        ]);
      default:
        return [];
    }
  }

  #number(event: Of<"operation">): number | undefined {
    if (!isCommand(event)) return undefined;
    this.#commands += 1;
    return this.#commands;
  }

  #judged(at: Date, event: Of<"verdict">): Told {
    const asked = this.#asked.get(event.operation);
    if (!asked) return [];
    if (event.verdict === "hold") {
      this.#asked.set(event.operation, { ...asked, heldBy: event.rule });
      return heldText(asked, event);
    }
    if (event.verdict === "deny") {
      this.#asked.delete(event.operation);
      return [...askedText(asked, this.#how), ...deniedText(event)];
    }
    const allowed = { ...asked, allowed: event, sentAt: at };
    this.#asked.set(event.operation, allowed);
    const { connection, operation, text } = asked.event;
    if (isCommand(asked.event)) {
      const screen = new Screen(this.#how.terminal, /[?&]tty=(?!false|0)/i.test(text));
      this.#screens.set(connection, { operation, screen });
    }
    return goesOn(asked.event) ? askedText(allowed, this.#how) : [];
  }

  /** Answers are counted when they end; text, which is what a person reads, is shown. */
  #rows(event: Of<"rows">): Told {
    const asked = this.#asked.get(event.operation);
    if (!asked) return [];
    const text = decodeAnswers(event.data, []).flatMap((row) => row.map((cell) => `${cell}\n`));
    this.#asked.set(event.operation, { ...asked, text: asked.text + text.join("") });
    return [];
  }

  #answered(at: Date, event: Of<"result">): Told {
    const asked = this.#asked.get(event.operation);
    if (!asked) return [];
    this.#asked.delete(event.operation);
    if (isDiscovery(asked, event) && !this.#how.full) {
      this.#discoveries += 1;
      return [];
    }
    const running = this.#screens.get(asked.event.connection);
    const rest = running?.operation === event.operation ? running.screen.end() : [];
    if (running?.operation === event.operation) this.#screens.delete(asked.event.connection);
    return [...rest, ...answerText(asked, event, at, this.#how)];
  }

  /** What a command shows belongs to its request. */
  #partOf({ event }: Recorded): string {
    const running =
      event.type === "output" || event.type === "resize" ? this.#screens.get(event.connection) : undefined;
    return running?.operation ?? partOf(event);
  }

  #counted(): ReturnType<Teller> {
    const count = this.#discoveries;
    this.#discoveries = 0;
    if (count === 0) return [];
    return [{ part: "discovery", told: [["note", `-- ${count} requests of discovery, all answered`]] }];
  }
}

/** What every client asks before it asks for anything; refusals of it are told like any. */
function isDiscovery({ event }: Asked, { status }: Of<"result">): boolean {
  return event.traits.some((trait) => trait === "discovery" || trait === "health") && status.startsWith("2");
}
