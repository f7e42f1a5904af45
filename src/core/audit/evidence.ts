import { sha256 } from "../../base/bytes.ts";
import { IhcError } from "../../base/errors.ts";
import type { SessionId } from "../../base/ids.ts";
import type { Json } from "../../base/json.ts";
import { type Checkpoint, openCheckpoint } from "./checkpoint.ts";
import { parseLeaf } from "./leaf.ts";
import { provesInclusion } from "./proof.ts";
import { hashBytes, leafHash } from "./tree.ts";
import { rowText, type Vouch, type VouchedTable, vouchesOf } from "./vouch.ts";

/**
 * All that shows what one session did and who let it, in one JSON file that proves itself offline. Entries are leaves of the
 * audit log with their inclusion proofs; rows are the database's own texts, which the entries vouch for; chunks are the
 * recording's files, whose digests stand in the rows. Hashes are base64, `files` by `track/number`.
 */
export interface Evidence {
  readonly format: "ihc-evidence-1";
  readonly session: SessionId;
  readonly policyVersion: string;
  readonly verifier: string;
  readonly checkpoint: string;
  readonly entries: readonly EvidenceEntry[];
  readonly rows: readonly EvidenceRow[];
  readonly files: Readonly<Record<string, string>>;
}

export interface EvidenceEntry {
  readonly index: number;
  readonly leaf: string;
  readonly proof: readonly string[];
}

export interface EvidenceRow {
  readonly table: VouchedTable;
  readonly id: string;
  readonly body: string;
}

export interface EvidenceProblem {
  readonly part: "bundle" | "checkpoint" | "entry" | "row" | "chunk";
  /** The entry's index, the row's table and id, the chunk's track and number. */
  readonly name: string;
  readonly message: string;
}

/**
 * Checks a bundle offline; an empty list means that it holds. With `verifier`, the log's key known from elsewhere: without it
 * the bundle only agrees with itself, since whoever forges one can sign it with a key of their own.
 */
export function verifyEvidence(bundle: unknown, verifier?: string): readonly EvidenceProblem[] {
  const evidence = parseEvidence(bundle);
  if (!evidence) return [problem("bundle", "bundle", "is not a bundle of evidence")];
  if (verifier !== undefined && verifier !== evidence.verifier)
    return [problem("bundle", "verifier", "is not signed by the log that you know")];
  const checkpoint = openHead(evidence);
  if (!checkpoint) return [problem("checkpoint", "checkpoint", "does not hold")];
  const vouches = latestVouches(evidence);
  return [
    ...evidence.entries.flatMap((entry) => entryProblems(entry, checkpoint)),
    ...orderProblems(evidence),
    ...evidence.rows.flatMap((row) => rowProblems(row, vouches)),
    ...missingRows(evidence, vouches),
    ...sessionProblems(evidence),
    ...chunkProblems(evidence),
  ];
}

/** Reads a bundle; undefined when it is not one, whole and with nothing besides. */
export function parseEvidence(bundle: unknown): Evidence | undefined {
  const shape = bundle as Partial<Evidence> | null;
  if (typeof shape !== "object" || shape === null || shape.format !== "ihc-evidence-1") return;
  const members = [
    "checkpoint",
    "entries",
    "files",
    "format",
    "policyVersion",
    "rows",
    "session",
    "verifier",
  ];
  if (Object.keys(shape).sort().join() !== members.join()) return;
  const { session, policyVersion, verifier, checkpoint, entries, rows, files } = shape;
  const texts = [session, policyVersion, verifier, checkpoint];
  if (!texts.every((text) => typeof text === "string")) return;
  if (!Array.isArray(entries) || !entries.every(isEntry)) return;
  if (!Array.isArray(rows) || !rows.every(isRow)) return;
  if (typeof files !== "object" || files === null || !Object.values(files).every(isText)) return;
  return shape as Evidence;
}

function isEntry(entry: unknown): entry is EvidenceEntry {
  const { index, leaf, proof, ...rest } = (entry ?? {}) as Partial<EvidenceEntry>;
  const whole =
    typeof index === "number" && typeof leaf === "string" && Array.isArray(proof) && proof.every(isText);
  return whole && Object.keys(rest).length === 0;
}

function isRow(row: unknown): row is EvidenceRow {
  const { table, id, body, ...rest } = (row ?? {}) as Partial<EvidenceRow>;
  return [table, id, body].every(isText) && Object.keys(rest).length === 0;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function openHead(evidence: Evidence): Checkpoint | undefined {
  try {
    return openCheckpoint(evidence.checkpoint, evidence.verifier);
  } catch (error) {
    if (error instanceof IhcError) return undefined;
    throw error;
  }
}

function entryProblems({ index, leaf, proof }: EvidenceEntry, head: Checkpoint): EvidenceProblem[] {
  const hashes = proof.map((text) => Buffer.from(text, "base64"));
  const canonical = hashes.every(
    (hash, at) => hash.length === hashBytes && hash.toString("base64") === proof[at],
  );
  const holds = canonical && provesInclusion(leafHash(leaf), index, head.size, hashes, head.root);
  return holds && indexOf(leaf) === index
    ? []
    : [problem("entry", String(index), "is not what the log has there")];
}

function indexOf(leaf: string): number | undefined {
  return detailOf(leaf)?.index;
}

function orderProblems({ entries }: Evidence): EvidenceProblem[] {
  return entries.flatMap(({ index }, at) =>
    at > 0 && index <= (entries[at - 1]?.index ?? -1)
      ? [problem("entry", String(index), "is there twice or out of order")]
      : [],
  );
}

function rowProblems(
  { table, id, body }: EvidenceRow,
  vouches: ReadonlyMap<string, Vouch>,
): EvidenceProblem[] {
  const name = `${table} ${id}`;
  const vouch = vouches.get(name);
  if (!vouch) return [problem("row", name, "is not vouched for by any entry")];
  return sha256(body) === vouch.digest
    ? []
    : [problem("row", name, "is not the row that the log vouches for")];
}

/** An entry of the session vouches for a row that the bundle does not have: it was taken out. */
function missingRows(evidence: Evidence, vouches: ReadonlyMap<string, Vouch>): EvidenceProblem[] {
  const present = new Set(evidence.rows.map(({ table, id }) => `${table} ${id}`));
  const twice = evidence.rows.length !== present.size;
  return [
    ...(twice ? [problem("row", "rows", "are there twice")] : []),
    ...[...vouches]
      .filter(([name, { table, id }]) => !present.has(name) && concernsSession(evidence, table, id))
      .map(([name]) => problem("row", name, "is missing")),
  ];
}

function concernsSession({ session }: Evidence, table: VouchedTable, id: string): boolean {
  return (table === "sessions" && id === session) || (table === "chunks" && id.startsWith(`${session}/`));
}

function sessionProblems(evidence: Evidence): EvidenceProblem[] {
  const row = evidence.rows.find(({ table, id }) => table === "sessions" && id === evidence.session);
  if (!row) return [problem("row", `sessions ${evidence.session}`, "is missing")];
  const { id, policyVersion, grant: granted } = objectOf(row.body) ?? {};
  const problems: EvidenceProblem[] = [];
  if (id !== evidence.session) problems.push(problem("row", `sessions ${row.id}`, "is another session"));
  if (policyVersion !== evidence.policyVersion)
    problems.push(problem("bundle", "policyVersion", "is not that of the session"));
  if (
    typeof granted === "string" &&
    !evidence.rows.some(({ table, id }) => table === "grants" && id === granted)
  )
    problems.push(problem("row", `grants ${granted}`, "is missing"));
  return problems;
}

function chunkProblems(evidence: Evidence): EvidenceProblem[] {
  const problems: EvidenceProblem[] = [];
  const used = new Set<string>();
  const last = new Map<string, { readonly number: number; readonly digest: string }>();
  for (const { table, id, body } of evidence.rows.filter((row) => row.table === "chunks")) {
    const { session, track, number, digest, previous } = objectOf(body) ?? {};
    const name = `${track}/${number}`;
    if (session !== evidence.session || id !== `${session}/${name}`)
      problems.push(problem("row", `${table} ${id}`, "is not a chunk of this session"));
    if (typeof track !== "string" || typeof number !== "number" || typeof digest !== "string") continue;
    used.add(name);
    const before = last.get(track);
    if (number !== (before ? before.number + 1 : 0) || previous !== (before?.digest ?? ""))
      problems.push(problem("chunk", name, "does not follow the one before"));
    last.set(track, { number, digest });
    problems.push(...fileProblems(name, digest, evidence.files[name]));
  }
  const unknown = Object.keys(evidence.files).filter((name) => !used.has(name));
  return [...problems, ...unknown.map((name) => problem("chunk", name, "is not part of the recording"))];
}

function fileProblems(name: string, digest: string, file: string | undefined): EvidenceProblem[] {
  if (file === undefined) return [problem("chunk", name, "is missing")];
  const bytes = Buffer.from(file, "base64");
  const same = bytes.toString("base64") === file && sha256(bytes) === digest;
  return same ? [] : [problem("chunk", name, "is not the recording that was sealed")];
}

/** The newest vouch for each row, by `table id`. */
function latestVouches({ entries }: Evidence): ReadonlyMap<string, Vouch> {
  const latest = new Map<string, Vouch>();
  for (const { leaf } of entries)
    for (const vouch of vouchesOf(detailOf(leaf)?.detail)) {
      const name = `${vouch.table} ${vouch.id}`;
      if (vouch.version >= (latest.get(name)?.version ?? 0)) latest.set(name, vouch);
    }
  return latest;
}

function detailOf(leaf: string): { readonly index: number; readonly detail: Json } | undefined {
  try {
    const { index, entry } = parseLeaf(leaf);
    return { index, detail: entry.detail };
  } catch {
    return undefined;
  }
}

/** A row's body, if it is the canonical text that rows are kept as. */
function objectOf(body: string): { readonly [key: string]: Json } | undefined {
  try {
    const value: { readonly [key: string]: Json } = JSON.parse(body);
    return rowText(value) === body ? value : undefined;
  } catch {
    return undefined;
  }
}

function problem(part: EvidenceProblem["part"], name: string, message: string): EvidenceProblem {
  return { part, name, message: `${part} ${name} ${message}` };
}
