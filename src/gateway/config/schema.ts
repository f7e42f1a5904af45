import { z } from "zod";
import { signatureAlgorithms } from "../identity/algorithms.ts";
import { duration, listenAddress, publicOrigin, secretReference, secureUrl, size } from "./values.ts";

/** The shape of ihc.yaml. Every object is strict: a mistyped key stops the start instead of switching a control off. */

const path = z.string().min(1);
const groups = z.array(z.string().min(1));

const issuer = z.strictObject({
  url: secureUrl,
  client_id: z.string().min(1),
  audience: z.string().min(1),
  groups_claim: z.string().min(1).default("groups"),
  /** Which token holds them. */
  groups_source: z.enum(["access_token", "id_token"]).default("access_token"),
  /** A verified claim that is the same for all accounts of one person. */
  employee_claim: z.string().min(1).optional(),
  /** A login must name at least one of these authentication methods (RFC 8176) to be let in. */
  required_amr: z.array(z.string().min(1)).default([]),
  scopes: z.array(z.string().min(1)).default(["openid", "profile", "email", "offline_access"]),
  dpop: z.enum(["required", "optional"]).default("required"),
  algorithms: z
    .array(z.enum(signatureAlgorithms))
    .min(1)
    .default([...signatureAlgorithms]),
  /** PEM file that is trusted besides the system's certificates when talking to the provider. */
  ca: path.optional(),
});

const store = z
  .strictObject({ sqlite: path.optional(), postgres: secretReference.optional() })
  .refine((s) => (s.sqlite === undefined) !== (s.postgres === undefined), "either sqlite or postgres");

const recordingLimits = z.strictObject({
  /** Rows of one result that are recorded; the rest is counted only. */
  rows: z.int().min(0).default(1000),
  bytes: size.default(4 * 1024 * 1024),
});

const label = z.union(
  [z.string().max(256), z.boolean(), z.int()],
  "a label is text, a whole number, true or false",
);

/** A target but for the part under its protocol's name, which the protocol parses. */
export const target = z.strictObject({
  labels: z
    .record(z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,62}$/, "letters, digits and _"), label)
    .default({}),
  masking: z.unknown().optional(),
  masking_mode: z.unknown().optional(),
  recording: recordingLimits.prefault({}),
});

const targetName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "a name is small letters, digits and hyphens");

export const root = z.strictObject({
  listen: listenAddress.prefault("127.0.0.1:7443"),
  /** Where clients reach the gateway; tokens are bound to it. */
  public_url: publicOrigin.optional(),
  /** TLS ends at a proxy in front of us. */
  behind_proxy: z.boolean().default(false),
  tls: z.strictObject({ cert: path, key: path }).optional(),
  issuer,
  store: store.prefault({ sqlite: "./state" }),
  /** Folder of journals, recordings and the log's key; the sqlite folder when not given. */
  state: path.optional(),
  policy: path.default("./policy"),
  targets: z.record(targetName, z.record(z.string(), z.unknown())),
  /** Groups that see what others do: auditors read and replay, admins also revoke and kill. */
  oversight: z
    .strictObject({
      auditors: groups.default([]),
      admins: groups.default([]),
      /** Two people who approve each other this often within a day are reported. */
      reciprocal_approvals: z.int().min(1).default(3),
    })
    .prefault({}),
  requests: z
    .strictObject({
      /** How long reviewers have. */
      ttl: duration.prefault("1h"),
      /** Of a grant that names none. */
      default_duration: duration.prefault("1h"),
      /** Caps whatever policy gives. */
      max_duration: duration.prefault("12h"),
      /** Caps the granted time of one person on one target within 24 hours, so that nobody extends without end. */
      max_per_day: duration.prefault("16h"),
      /** The longest a session without a grant lasts. */
      session_length: duration.prefault("12h"),
      /** A reviewer's login must name one of these methods. */
      review_amr: z.array(z.string().min(1)).default([]),
      /** A reviewer must have authenticated at the provider within this time (`auth_time` of the token). */
      review_auth_age: duration.optional(),
    })
    .prefault({}),
  recording: z
    .strictObject({
      /** Below this much free space no new session opens. */
      free_space_floor: size.prefault("256MiB"),
      age_recipients: z
        .array(z.string().regex(/^age1[a-z0-9]{10,}$/, "an age recipient begins with age1"))
        .default([]),
    })
    .prefault({}),
  audit: z
    .strictObject({
      /** The log's name in its checkpoints; the public address when not given. */
      origin: z
        .string()
        .regex(/^[^\s+]{1,200}$/, "no blanks and no plus")
        .optional(),
      /** A file, best on another machine, that remembers every checkpoint. */
      witness: path.optional(),
    })
    .prefault({}),
  limits: z
    .strictObject({
      body: size.prefault("1MiB"),
      requests_per_minute: z.int().min(1).default(600),
      sessions_per_person: z.int().min(1).default(50),
      connections_per_session: z.int().min(1).default(250),
      connections: z.int().min(1).default(5000),
    })
    .prefault({}),
  log: z.strictObject({ level: z.enum(["debug", "info", "warn", "error"]).default("info") }).prefault({}),
});

export type Root = z.infer<typeof root>;
