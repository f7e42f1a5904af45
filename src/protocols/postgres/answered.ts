/** What an answer of the server's says, and to which words of the client's. */
import type { Owed } from "./owed.ts";
import { pinned } from "./upstream.ts";
import { parseErrorFields, parseParameterStatus } from "./wire/backend.ts";
import { WireError } from "./wire/cursor.ts";
import type { ErrorFields } from "./wire/encode.ts";

/** Throws WireError when a setting that we must rely on has been changed. */
export function checkPinned(frame: Buffer): void {
  const { name, value } = parseParameterStatus(frame);
  const due = pinned.get(name);
  if (due !== undefined && due !== value)
    throw new WireError(`${name} was changed, which ihc must rely on`, "55000");
}

/** The refusal that stands in place of the answer. */
export function refusalOf(head: Owed | undefined): ErrorFields | undefined {
  if (head?.kind === "poison") return head.fields;
  return head?.kind === "query" ? head.poison : undefined;
}

/** The client's own words that the server may be answering to. */
export function said(head: Owed | undefined): readonly string[] {
  switch (head?.kind) {
    case "query":
      return head.run?.said ?? [];
    case "parse":
      return [head.prepared.sql];
    case "bind":
      return head.value.said;
    case "execute":
      return head.portal.said;
    case "describe":
      return head.of === undefined ? [] : "said" in head.of ? head.of.said : [head.of.sql];
    default:
      return [];
  }
}

/** For the recording: of the frame as the client got it, masked. */
export function errorStatus(told: Uint8Array): string {
  const fields = parseErrorFields(Buffer.from(told.buffer, told.byteOffset, told.byteLength));
  return `ERROR ${fields.get("C") ?? "XX000"}: ${fields.get("M") ?? ""}`;
}
