import { z } from "zod";
import { sessionEndCodes } from "../access/session-record.ts";

/**
 * The control API's bodies, shared by the gateway that serves them and the CLI that reads them. Inputs are strict: a key
 * that the server owns, or a mistyped one, is refused. Times are RFC 3339 in UTC, durations milliseconds.
 */

const name = z.string().min(1).max(128);
const time = z.iso.datetime();
const effect = z.enum(["read", "write", "destroy", "admin", "unknown"]);
const milliseconds = z
  .int()
  .positive()
  .max(366 * 86_400_000);
/** Free text from a person. Control characters are allowed in and made visible wherever it is shown. */
const freeText = z.string().max(2000);

export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  rule: z.string().optional(),
  hint: z.string().optional(),
  /** The request id that the gateway's log carries. */
  instance: z.string().optional(),
});

export const discovery = z.object({
  issuer: z.url(),
  client_id: z.string(),
  audience: z.string(),
  scopes: z.array(z.string()),
  public_url: z.url(),
  dpop: z.enum(["required", "optional"]),
  /** `id_token`: the client sends its ID token in the header `ihc-id-token`, since the groups are there. */
  groups_source: z.enum(["access_token", "id_token"]).optional(),
  version: z.string(),
  /** The audit log's verifier key in C2SP form, for pinning. */
  log_key: z.string(),
});

export const whoami = z.object({
  name: z.string(),
  issuer: z.string(),
  subject: z.string(),
  groups: z.array(z.string()),
  amr: z.array(z.string()),
  key_bound: z.boolean(),
  token_expires_at: time,
});

export const slot = z.object({ group: z.string(), people: z.int().positive() });

export const accessView = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("allow"), rule: z.string(), effects: z.array(effect) }),
  z.object({
    kind: z.literal("needs-grant"),
    rule: z.string(),
    effects: z.array(effect),
    slots: z.array(slot),
    longest: z.int(),
  }),
  z.object({ kind: z.literal("deny"), rule: z.string(), reason: z.string(), hint: z.string().optional() }),
]);

export const targetView = z.object({
  name: z.string(),
  protocol: z.string(),
  labels: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  access: accessView,
  /** What the protocol's clientHelp needs: database name and the like. */
  client: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});

export const requestInput = z.strictObject({
  target: name,
  effects: z.array(effect).min(1).max(5).optional(),
  reason: freeText.min(1),
  incident: z.string().min(1).max(64).optional(),
  duration: milliseconds.optional(),
  break_glass: z.boolean().optional(),
});

export const reviewView = z.object({
  name: z.string(),
  answer: z.enum(["approve", "deny"]),
  at: time,
  comment: z.string().optional(),
  duration: z.int().optional(),
});

export const operationView = z.object({
  session: z.string(),
  kind: z.string(),
  text: z.string(),
  parameters: z.array(z.unknown()),
  effect,
  resources: z.array(z.string()),
  traits: z.array(z.string()),
  /** What policy could ask about besides: verb, resource, namespace and the like. */
  attributes: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
  digest: z.string(),
});

export const requestView = z.object({
  id: z.string(),
  version: z.int(),
  kind: z.enum(["access", "operation"]),
  state: z.enum(["pending", "approved", "denied", "expired", "canceled", "used"]),
  requester: z.object({ name: z.string(), via: z.string().optional() }),
  target: z.string(),
  effects: z.array(effect),
  reason: z.string(),
  incident: z.string().optional(),
  duration: z.int(),
  break_glass: z.boolean(),
  rule: z.string(),
  slots: z.array(slot),
  /** sha256 over what a reviewer is shown; a review must name it. */
  digest: z.string(),
  operation: operationView.optional(),
  created_at: time,
  expires_at: time,
  decided_at: time.optional(),
  reviews: z.array(reviewView),
  grant: z.string().optional(),
  review_owed: z.boolean(),
  /** Whether the caller may review it now, and if not why. */
  reviewable: z.object({ ok: z.boolean(), why: z.string().optional() }),
  /** Whether the caller filed it. */
  mine: z.boolean(),
});

export const reviewInput = z.strictObject({
  answer: z.enum(["approve", "deny"]),
  /** The digest of what the reviewer saw. */
  digest: z.string(),
  duration: milliseconds.optional(),
  comment: freeText.optional(),
});

export const grantView = z.object({
  id: z.string(),
  version: z.int(),
  state: z.enum(["active", "expired", "revoked"]),
  request: z.string(),
  person: z.string(),
  target: z.string(),
  effects: z.array(effect),
  reason: z.string(),
  incident: z.string().optional(),
  break_glass: z.boolean(),
  approved_by: z.array(z.string()),
  starts_at: time,
  expires_at: time,
  ended_at: time.optional(),
  ended_by: z.string().optional(),
  mine: z.boolean(),
});

export const sessionInput = z.strictObject({
  target: name,
  grant: z.string().optional(),
  reason: freeText.optional(),
  incident: z.string().min(1).max(64).optional(),
});

export const sessionView = z.object({
  id: z.string(),
  version: z.int(),
  state: z.enum(["open", "ended"]),
  person: z.string(),
  via: z.string().optional(),
  target: z.string(),
  protocol: z.string(),
  grant: z.string().optional(),
  reason: z.string(),
  incident: z.string().optional(),
  break_glass: z.boolean(),
  opened_at: time,
  expires_at: time,
  ended_at: time.optional(),
  end_reason: z.string().optional(),
  /** Why it ended, for programs; absent from a gateway that does not say. */
  end_code: z.enum(sessionEndCodes).optional(),
  complete: z.boolean(),
  connections: z.int(),
});

/** The only answer that ever holds the session secret, and it holds it once. */
export const sessionOpened = z.object({
  session: sessionView,
  secret: z.string(),
  tunnel: z.string(),
  client: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});

export const chunkView = z.object({
  track: z.enum(["gateway", "client"]),
  number: z.int(),
  digest: z.string(),
  previous: z.string(),
  bytes: z.int(),
  events: z.int(),
  sealed_at: time,
  /** Of a client's chunk: the digest of what was uploaded, and whether it came after the session's end. */
  received: z.string().optional(),
  late: z.boolean().optional(),
});

/** A chunk of the client's own recording: base64 of frames in one zstd frame, and the digest of the one sent before. */
export const chunkInput = z.strictObject({
  previous: z.string().max(80),
  bytes: z.base64().max(1_000_000),
});

export const page = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next: z.string().optional() });

export type Discovery = z.infer<typeof discovery>;
export type Whoami = z.infer<typeof whoami>;
export type TargetView = z.infer<typeof targetView>;
export type RequestInput = z.infer<typeof requestInput>;
export type RequestView = z.infer<typeof requestView>;
export type ReviewInput = z.infer<typeof reviewInput>;
export type GrantView = z.infer<typeof grantView>;
export type SessionInput = z.infer<typeof sessionInput>;
export type SessionView = z.infer<typeof sessionView>;
export type ChunkInput = z.infer<typeof chunkInput>;
export type ChunkView = z.infer<typeof chunkView>;
export type SessionOpened = z.infer<typeof sessionOpened>;
