/** What an object that has been read to its end turns out to be, and what of it is replaced. */
import type { FieldPattern } from "../../core/masking/fields.ts";
import { placeholder } from "../../core/masking/replace.ts";
import type { How } from "../../core/masking/rule.ts";
import { ruledLeaves } from "./field-edits.ts";
import type { Frame, Held } from "./frame.ts";
import type { ObjectMasks } from "./masks.ts";
import { type Leaf, leavesOf, membersOf } from "./wire/json-leaves.ts";
import { type JsonReader, textOf } from "./wire/json-reader.ts";

/** What is needed of the walk. */
interface Walk {
  readonly masks: ObjectMasks;
  readonly secrets: boolean;
  readonly untold: boolean;
  readonly reader: JsonReader;
  replace(start: number, end: number, text: string, field: string): void;
}

type Encoding = "plain" | "base64";

/** Replaces what `frame`, which ends at `end`, holds. */
export function finishObject(walk: Walk, frame: Frame, end: number): void {
  const hows = ruled(walk, frame, end);
  if (frame.held.length === 0) return;
  const finish: Finish = { walk, frame, hows, secret: isSecret(walk, frame) };
  for (const held of frame.held) finishHeld(finish, held);
}

type Hows = ReadonlyMap<number, How>;
const noHows: Hows = new Map();

/** Applies field rules; what they say counts for what is replaced anyway too. */
function ruled(walk: Walk, frame: Frame, end: number): Hows {
  const patterns = patternsOf(walk.masks, frame);
  if (patterns.length === 0) return noHows;
  const hows = new Map<number, How>();
  for (const { start, end: to, how, rule } of ruledLeaves(walk.reader.bytes, frame.start, end, patterns)) {
    if (!hows.has(start)) hows.set(start, how);
    put(walk, { start, end: to, key: "" }, how, "plain", rule);
  }
  return hows;
}

interface Finish {
  readonly walk: Walk;
  readonly frame: Frame;
  /** How rules replace leaves, by where they start. */
  readonly hows: Hows;
  readonly secret: boolean;
}

function finishHeld(finish: Finish, held: Held): void {
  const { masks } = finish.walk;
  switch (held.key) {
    case "stringData":
      all(finish, held, "plain");
      break;
    case "data":
      if (finish.secret) all(finish, held, "base64");
      else if (masks.configMaps || finish.frame.kinds.includes("ConfigMap")) byName(finish, held);
      break;
    case "binaryData":
      if (finish.secret) all(finish, held, "base64");
      else binary(finish, held);
      break;
    case "env":
      byName(finish, held);
      break;
    case "value":
      variable(finish, held);
      break;
    case "items":
      items(finish, held);
      break;
    case "cells":
      cells(finish, held);
      break;
    default:
  }
}

/** Any evidence counts: what was asked for, what the object says, or that it does not say. */
function isSecret(walk: Walk, frame: Frame): boolean {
  if (frame.kinds.includes("Secret")) return true;
  return frame.item && (walk.secrets || (walk.untold && frame.kinds.length === 0));
}

function patternsOf(masks: ObjectMasks, frame: Frame): readonly FieldPattern[] {
  if (frame.kinds.length === 0) return frame.item ? masks.fields : [];
  const own = frame.kinds.flatMap((kind) => masks.fieldsOf(kind));
  return frame.item ? [...masks.fields, ...own] : own;
}

/** Leaf by leaf, so that the object keeps its shape. */
function all(finish: Finish, held: Held, encoding: Encoding): void {
  const { walk, hows } = finish;
  for (const leaf of leavesOf(walk.reader.bytes, held.start, held.end))
    put(walk, leaf, hows.get(leaf.start) ?? "redact", encoding, under(held, leaf));
}

function under({ key }: Held, leaf: Leaf): string {
  return leaf.key === "" ? key : `${key}/${leaf.key}`;
}

/** Values whose names could be those of variables: `envFrom` makes variables of a ConfigMap. */
function byName(finish: Finish, held: Held): void {
  const { walk } = finish;
  const { bytes } = walk.reader;
  if (bytes[held.start] !== 0x7b) return;
  for (const { key, start, end } of membersOf(bytes, held.start, held.end)) {
    const how = /^[\w.-]{1,253}$/.test(key) && isVariable(key) ? walk.masks.env(key) : undefined;
    if (how === undefined) continue;
    for (const leaf of leavesOf(bytes, start, end))
      put(walk, leaf, finish.hows.get(leaf.start) ?? how, "plain", `env/${key}`);
  }
}

function isVariable(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name);
}

/** `{ "name": …, "value": … }`, in whatever order and however often. */
function variable(finish: Finish, held: Held): void {
  const { frame } = finish;
  for (const other of frame.held) if (other.key === "name") named(finish, held, other.start, other.end);
  if (frame.nameEnd > 0) named(finish, held, frame.nameStart, frame.nameEnd);
}

function named({ walk, hows }: Finish, held: Held, start: number, end: number): void {
  const { bytes } = walk.reader;
  const { how, field } = walk.masks.variables.at(bytes, start, end);
  if (how === undefined) return;
  const leaves = bytes[held.start] === 0x22 ? [{ ...held, key: "" }] : leavesOf(bytes, held.start, held.end);
  for (const leaf of leaves) put(walk, leaf, hows.get(leaf.start) ?? how, "plain", field);
}

/** What a detector would find is hidden by base64. */
function binary(finish: Finish, held: Held): void {
  const { walk } = finish;
  const { plan } = walk.masks;
  if (!plan.hasDetectors) return;
  for (const leaf of leavesOf(walk.reader.bytes, held.start, held.end)) {
    const bytes = Buffer.from(textOf(walk.reader.bytes, leaf.start, leaf.end), "base64");
    if (plan.replaced(bytes, 0, bytes.length) !== undefined)
      put(walk, leaf, "redact", "base64", under(held, leaf));
  }
}

/** Items of a list inside of another object, which need not say what they are. */
function items(finish: Finish, held: Held): void {
  const { walk, frame } = finish;
  const { bytes } = walk.reader;
  if (!frame.kinds.some((kind) => kind === "SecretList" || kind === "List")) return;
  for (const item of membersOf(bytes, held.start, held.end)) {
    const members = membersOf(bytes, item.start, item.end);
    if (frame.kinds.includes("SecretList") || !members.some(({ key }) => key === "kind"))
      for (const { key, start, end } of members)
        if (key.toLowerCase() === "data") all(finish, { key: "data", start, end }, "base64");
  }
}

/** A row of a table; the first cell is the name. */
function cells(finish: Finish, held: Held): void {
  const { walk } = finish;
  const how = walk.masks.cells;
  if (how === undefined) return;
  for (const leaf of leavesOf(walk.reader.bytes, held.start, held.end).slice(1))
    if (walk.reader.bytes[leaf.start] === 0x22) put(walk, leaf, how, "plain", "cells");
}

const redacted: Readonly<Record<Encoding, string>> = {
  plain: JSON.stringify(placeholder),
  base64: JSON.stringify(Buffer.from(placeholder).toString("base64")),
};

function put(walk: Walk, leaf: Leaf, how: How, encoding: Encoding, field: string): void {
  const first = walk.reader.bytes[leaf.start];
  if (first === 0x22) walk.replace(leaf.start, leaf.end, replacement(walk, leaf, how, encoding), field);
  else if (first === 0x74 || first === 0x66) walk.replace(leaf.start, leaf.end, "false", field);
  else if (first !== 0x6e) walk.replace(leaf.start, leaf.end, "0", field);
}

/** The string that takes the leaf's place. An empty one tells nothing and stays. */
function replacement(walk: Walk, { start, end }: Leaf, how: How, encoding: Encoding): string {
  if (end - start === 2) return '""';
  if (how === "redact") return redacted[encoding];
  const text = textOf(walk.reader.bytes, start, end);
  const value = encoding === "base64" ? Buffer.from(text, "base64").toString("utf8") : text;
  const masked: string = walk.masks.plan.value(how, value.toWellFormed());
  return JSON.stringify(encoding === "base64" ? Buffer.from(masked).toString("base64") : masked);
}
