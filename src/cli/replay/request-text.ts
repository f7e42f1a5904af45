import { visible } from "../../base/text.ts";
import { shownText } from "../statement-text.ts";
import type { Of, Telling, Told } from "./line.ts";

/** A request of which the answer is not on record yet. */
export interface Asked {
  readonly at: Date;
  readonly event: Of<"operation">;
  readonly allowed?: Of<"verdict">;
  /** The rule that it waited for. */
  readonly heldBy?: string;
  /** When it was sent, after it was judged. */
  readonly sentAt?: Date;
  /** What is recorded of the answer so far. */
  readonly text: string;
  /** Which command in a container it is, counted from 1. */
  readonly numbered: number | undefined;
}

/** Characters of a body, and lines of a text, that are shown unless all is wanted. */
const shortBody = 300;
const shortText = 20;

export function isCommand({ kind }: Of<"operation">): boolean {
  return kind === "exec" || kind === "attach";
}

/** What goes on for a while has a line when it begins and one when it ends. */
export function goesOn(event: Of<"operation">): boolean {
  const { kind, attributes, text } = event;
  return kind !== "request" || attributes?.verb === "watch" || queryOf(text).get("follow") === "true";
}

/** `17:02:11  patch  deployments.apps prod-app/web`, with the body of a change. */
export function askedText(asked: Asked, how: Telling): Told {
  const line = ["prompt", `${clock(asked.at)}  ${subject(asked)}`] as const;
  return [line, ...approvalText(asked), ...bodyText(asked.event, how)];
}

/** The same with status, counts, time and rule behind; a command has told all but its end. */
export function answerText(asked: Asked, event: Of<"result">, at: Date, how: Telling): Told {
  const took = duration(at.getTime() - (asked.sentAt ?? asked.at).getTime());
  const failed = !fine.test(event.status);
  const masked = maskedText(event.maskedColumns);
  if (isCommand(asked.event)) {
    const name = `${clock(at)}  ${asked.event.kind} ${asked.numbered}`;
    const end = `${name}: ${visible(event.status)}  ${took}${ruleText(asked)}`;
    return [[failed ? "bad" : "good", end], ...masked];
  }
  const objects = event.rows > 0 && !isText(asked) ? `${count(event.rows, noun(asked))}  ` : "";
  const bytes = asked.event.kind === "portforward" ? "" : `${size(event.bytes)}  `;
  const answer = `${visible(event.status)}  ${objects}${bytes}${took}${ruleText(asked)}`;
  return [
    [failed ? "bad" : "prompt", `${clock(at)}  ${subject(asked)}  ${answer}`],
    ...(goesOn(asked.event) ? [] : [...approvalText(asked), ...bodyText(asked.event, how)]),
    ...contentText(asked, failed, how),
    ...masked,
  ];
}

const fine = /^[123]|^exit 0\b|^closed\b|^ended by the client/;

export function heldText(asked: Asked, event: Of<"verdict">): Told {
  const why = event.reason === undefined ? "" : `: ${visible(event.reason)}`;
  return [["note", `${clock(asked.at)}  ${subject(asked)}  held by rule ${visible(event.rule)}${why}`]];
}

export function deniedText(event: Of<"verdict">): Told {
  const by = event.approvedBy?.length ? ` (${event.approvedBy.map(visible).join(", ")})` : "";
  const request = event.request === undefined ? "" : ` as ${event.request}`;
  const why = event.reason === undefined ? "" : `: ${visible(event.reason)}`;
  return [["bad", `   DENIED by rule ${visible(event.rule)}${request}${why}${by}`]];
}

/** Verb and object: `exec 1  pods prod-app/web -c c: sh -c 'echo hi'`, `list  pods prod-app/* -l app=web`. */
function subject({ event, numbered }: Asked): string {
  const { attributes, text, resources } = event;
  const verb = visible(attributes?.verb ?? "");
  const what = attributes?.resource ? objectOf(event) : visible(resources[0] ?? text);
  const query = queryOf(text);
  const command = attributes?.command === undefined ? "" : `: ${visible(attributes.command)}`;
  const number = numbered === undefined ? "" : ` ${numbered}`;
  return `${`${verb}${number}`.padEnd(7)} ${what}${told(query)}${command}`;
}

/** `pods/log prod-app/web`, `deployments.apps prod-app/*`, `nodes n1`. */
function objectOf({ attributes, traits }: Of<"operation">): string {
  const { resource = "", group = "", namespace = "", name = "" } = attributes ?? {};
  const [main = "", ...rest] = resource.split("/");
  const full = [group === "" ? main : `${main}.${group}`, ...rest].join("/");
  const namespaced = namespace !== "" && main !== "namespaces";
  const where = namespaced ? `${namespace}/` : traits.includes("all-namespaces") ? "*/" : "";
  return visible(`${full} ${where}${name === "" ? "*" : name}`);
}

/** What of the query changes what is asked for. */
const options: readonly (readonly [parameter: string, shown: string])[] = [
  ["container", "-c"],
  ["labelSelector", "-l"],
  ["fieldSelector", "--field-selector"],
  ["follow", "--follow"],
  ["previous", "--previous"],
  ["tailLines", "--tail"],
  ["sinceSeconds", "--since"],
  ["dryRun", "--dry-run"],
  ["force", "--force"],
];

function told(query: URLSearchParams): string {
  return options
    .flatMap(([parameter, shown]) => {
      const value = query.get(parameter);
      if (value === null || value === "false") return [];
      return value === "true" ? [` ${shown}`] : [` ${shown} ${visible(value)}`];
    })
    .join("");
}

function queryOf(text: string): URLSearchParams {
  const start = text.indexOf("?");
  return new URLSearchParams(start < 0 ? "" : text.slice(start + 1));
}

/** Who let it pass; a rule that needed nobody stands in the line itself. */
function approvalText({ allowed, heldBy }: Asked): Told {
  const by = allowed?.approvedBy ?? [];
  if (allowed === undefined || by.length === 0) return [];
  const request = allowed.request === undefined ? "" : ` as ${allowed.request}`;
  const rule = visible(heldBy ?? allowed.rule);
  return [["good", `   approved by ${by.map(visible).join(", ")}${request} (rule ${rule})`]];
}

function ruleText({ allowed }: Asked): string {
  return allowed === undefined || allowed.approvedBy?.length ? "" : `  allowed by ${visible(allowed.rule)}`;
}

function bodyText({ parameters }: Of<"operation">, { full }: Telling): Told {
  const [, body] = parameters;
  if (body === undefined || body === "") return [];
  const text = full ? pretty(body) : body.trimEnd();
  const shown = full ? text : text.slice(0, shortBody);
  const rest = text.length - shown.length;
  const lines = shownText(shown).lines.map((line) => ["data", `   > ${line}`] as const);
  return [...lines, ...(rest > 0 ? [["note", `   > … ${rest} characters more, see --full`] as const] : [])];
}

/** Logs as they were read, what the cluster said against a request, and everything if that is wanted. */
function contentText(asked: Asked, failed: boolean, { full }: Telling): Told {
  if (asked.text === "") return [];
  const message = failed ? messageOf(asked.text) : undefined;
  if (message !== undefined) return [["bad", `   ${visible(message)}`]];
  if (!full && !isText(asked)) return [];
  const lines = shownText(asked.text.trimEnd()).lines;
  const shown = full ? lines : lines.slice(0, shortText);
  const rest = lines.length - shown.length;
  return [
    ...shown.map((line) => ["data", `   ${line}`] as const),
    ...(rest > 0 ? [["note", `   … ${count(rest, "line")} more, see --full`] as const] : []),
  ];
}

function isText({ event }: Asked): boolean {
  return event.attributes?.resource === "pods/log";
}

function noun({ event }: Asked): string {
  return event.attributes?.verb === "watch" ? "event" : "object";
}

/** Of a Status; what proxies say is no JSON. */
function messageOf(text: string): string | undefined {
  const value = parsed(text);
  return typeof value === "object" && value !== null && "message" in value
    ? String(value.message)
    : undefined;
}

function pretty(body: string): string {
  const value = parsed(body);
  return value === undefined ? body : JSON.stringify(value, undefined, 2);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function maskedText(fields: readonly string[]): Told {
  if (fields.length === 0) return [];
  return [["note", `   masked ${count(fields.length, "field")}: ${fields.map(visible).join(", ")}`]];
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.max(0, ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** In UTC, like everything that evidence is compared with. */
function clock(at: Date): string {
  return at.toISOString().slice(11, 19);
}
