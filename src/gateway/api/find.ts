import { IhcError } from "../../base/errors.ts";
import { type GrantId, isIdPrefix, parseId, type RequestId, type SessionId } from "../../base/ids.ts";

interface Table<Id, Row> {
  get(id: Id): Promise<Row | undefined>;
  list(filter: { readonly prefix: string; readonly limit: number }): Promise<readonly Row[]>;
}

interface Kinds {
  readonly req: RequestId;
  readonly gra: GrantId;
  readonly ses: SessionId;
}

const most = 200;
const names = { req: "request", gra: "grant", ses: "session" } as const;

/**
 * The row of an id, or of a beginning that only one visible row has. What the caller may not see does not exist: IhcError
 * `not-found`, in the same words.
 */
export async function findVisible<Kind extends keyof Kinds, Row>(
  kind: Kind,
  text: string,
  table: Table<Kinds[Kind], Row>,
  visible: (row: Row) => boolean,
): Promise<Row> {
  const id = parseId(kind, text);
  if (id !== undefined) {
    // parseId gives the brand of its kind.
    const row = await table.get(id as Kinds[Kind]);
    if (row !== undefined && visible(row)) return row;
    throw missing(kind);
  }
  if (!isIdPrefix(kind, text)) throw missing(kind);
  const found = await table.list({ prefix: text, limit: most });
  const rows = found.filter(visible);
  const [row] = rows;
  if (row === undefined) throw missing(kind);
  // Beyond the list there may be another of the caller's that begins like that.
  if (rows.length > 1 || found.length === most)
    throw new IhcError("conflict", `several ${names[kind]}s begin like that`, {
      hint: "give more of the id",
    });
  return row;
}

function missing(kind: keyof Kinds): IhcError {
  return new IhcError("not-found", `no such ${names[kind]}`, { hint: `see ihc ${names[kind]}s` });
}
