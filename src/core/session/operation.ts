import type { Brand } from "../../base/brand.ts";
import type { Json } from "../../base/json.ts";

/** The worst an operation can do. `unknown` when the protocol could not read it; rules treat that as the worst. */
export type Effect = "read" | "write" | "destroy" | "admin" | "unknown";

export const effects: readonly Effect[] = ["read", "write", "destroy", "admin", "unknown"];

/** One thing the principal asks the target to do: a statement, an API request, a command, a tool call. */
export interface Operation {
  /** What is judged, in the protocol's words: `statement`, `copy`, `request`, `command`. */
  readonly kind: string;
  /** Exactly what would be sent, unmasked. Leaves the process only masked, or to a reviewer. */
  readonly text: string;
  readonly parameters: readonly Json[];
  readonly effect: Effect;
  /** What it touches, `schema.table` for PostgreSQL. */
  readonly resources: readonly string[];
  /** Named properties that policy can ask about, such as `no-where`. */
  readonly traits: readonly string[];
  /** What policy can ask about besides, as `context.verb` and the like. */
  readonly attributes?: Attributes;
  /** A refusal that no policy can lift, decided by the protocol itself (unparsable, masked column in an expression). */
  readonly refusal?: Refusal;
  /** What journal and audit log may quote instead, where text and parameters may hold values that are masked. */
  readonly shown?: Shown;
}

/** Texts that policy can ask about; each is empty where an operation has none. */
export const attributeNames = [
  /** get, list, watch, create, update, patch, delete, deletecollection, or the protocol's own word. */
  "verb",
  /** The API group; empty for the core group too. */
  "group",
  "resource",
  "subresource",
  "namespace",
  "name",
  /** The command line that an exec or a shell would run. */
  "command",
] as const;

export type AttributeName = (typeof attributeNames)[number];

export type Attributes = Readonly<Partial<Record<AttributeName, string>>> & {
  /** The programs that the command would start, by base name, as a shell grammar reads it. */
  readonly programs?: readonly string[];
};

export interface Shown {
  readonly text: string;
  readonly parameters: readonly Json[];
}

export interface Refusal {
  readonly rule: string;
  readonly reason: string;
  readonly hint?: string;
}

/** An operation that every stage has let pass and whose verdict is in the journal. Made by admit() only. */
export type Admitted<Op extends Operation = Operation> = Brand<Op, "Admitted">;

/** The worse of two effects, in the order of `effects`. */
export function worst(a: Effect, b: Effect): Effect {
  return effects.indexOf(a) >= effects.indexOf(b) ? a : b;
}
