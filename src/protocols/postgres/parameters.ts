import { WireError } from "./wire/cursor.ts";

/** Settings that a client may choose at login: they change how values look and how long things take, nothing else. */
const allowed: ReadonlyMap<string, string> = new Map(
  [
    "application_name",
    "client_encoding",
    "DateStyle",
    "TimeZone",
    "IntervalStyle",
    "extra_float_digits",
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "bytea_output",
  ].map((name) => [name.toLowerCase(), name]),
);

export interface ClientParameters {
  readonly user: string;
  readonly database: string | undefined;
  /** Allowed settings by PostgreSQL's spelling. */
  readonly settings: ReadonlyMap<string, string>;
  /** `_pq_.*` extensions, none of which we know. */
  readonly extensions: readonly string[];
}

/** Reads the parameters of a StartupMessage; whatever is not on the list is refused by name. Throws WireError. */
export function readParameters(parameters: ReadonlyMap<string, string>): ClientParameters {
  const settings = new Map<string, string>();
  const extensions: string[] = [];
  for (const [name, value] of parameters) {
    if (name === "user" || name === "database") continue;
    if (name.startsWith("_pq_.")) extensions.push(name);
    else if (name === "options") for (const [key, text] of readOptions(value)) put(settings, key, text);
    else put(settings, name, value);
  }
  const user = parameters.get("user");
  if (!user) throw new WireError("no user name in the startup packet", "28000");
  return { user, database: parameters.get("database"), settings, extensions };
}

function put(settings: Map<string, string>, name: string, value: string): void {
  const known = allowed.get(name.toLowerCase());
  if (known === undefined)
    throw new WireError(`startup parameter "${shown(name)}" is not allowed through ihc`, "42501");
  if (known === "client_encoding" && !/^(utf-?8|unicode)$/i.test(value.replaceAll("'", "")))
    throw new WireError('startup parameter "client_encoding" must be UTF8', "22023");
  settings.set(known, known === "client_encoding" ? "UTF8" : value);
}

/** The command-line form: `-c name=value` or `--name=value`, words split at blanks, a backslash keeps the next character. */
function* readOptions(text: string): Generator<readonly [string, string]> {
  const words = splitWords(text);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    let setting: string | undefined;
    if (word === "-c") {
      i++;
      setting = words[i];
    } else if (word.startsWith("-c")) setting = word.slice(2);
    else if (word.startsWith("--")) setting = word.slice(2);
    const parts = /^([A-Za-z_][\w.-]*)=(.*)$/s.exec(setting ?? "");
    const [, name = "", value = ""] = parts ?? [];
    if (!parts)
      throw new WireError('startup parameter "options" may hold only -c name=value settings', "42501");
    yield [name.replaceAll("-", "_"), value];
  }
}

function splitWords(text: string): string[] {
  return [...text.matchAll(/(?:\\[\s\S]|[^\s\\])+/g)].map(([word]) => word.replace(/\\([\s\S])/g, "$1"));
}

function shown(name: string): string {
  return name.slice(0, 63).replace(/[^\w.-]/g, "?");
}
