import { resolve } from "node:path";
import { z } from "zod";
import { parseDuration } from "../../base/duration.ts";
import { mistake } from "../mistake.ts";

const duration = z.string().transform((text, context) => {
  try {
    return parseDuration(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : "not a duration" });
    return z.NEVER;
  }
});

const name = z
  .string()
  .min(1)
  .max(63)
  .refine((text) => !text.includes("\0"), "must not hold NUL");

const credential = z.strictObject({ user: name, password: z.string().min(1).optional() });

const schema = z
  .strictObject({
    /** A host name, an address, or the folder of a unix socket (begins with `/`). */
    host: z.string().min(1),
    port: z.int().min(1).max(65_535).default(5432),
    database: name,
    /** `disable` is for a unix socket, loopback, or a network that is protected otherwise. */
    tls: z.enum(["disable", "require", "verify-ca", "verify-full"]).default("verify-full"),
    /** File with the PEM certificates that are trusted instead of the system's. */
    ca: z.string().min(1).optional(),
    /** The name that the certificate must carry, when it is not `host`. */
    server_name: z.string().min(1).optional(),
    user: name,
    /** A secret reference; absent where the server asks for none (peer, trust). */
    password: z.string().min(1).optional(),
    roles: z.strictObject({ write: credential.optional() }).default({}),
    /** The most rows that one writing statement may touch; what touches more is undone. */
    rows_written: z.int().min(0).optional(),
    statement_timeout: duration.optional(),
    /** How long a client is kept waiting for an approval at most. */
    hold_timeout: duration.default(30 * 60_000),
    connect_timeout: duration.default(10_000),
    allow_superuser: z.boolean().default(false),
    /** User functions that may be called although the catalog does not show them harmless: `schema.name`. */
    functions: z.array(z.string().min(1)).default([]),
  })
  .refine((s) => !s.host.startsWith("/") || s.tls === "disable", {
    path: ["tls"],
    message: "a unix socket has no TLS: set tls: disable",
  });

/** A PostgreSQL target's part of ihc.yaml. Durations in milliseconds. */
export type PostgresSettings = Readonly<z.infer<typeof schema>>;

export interface Credential {
  readonly user: string;
  readonly password?: string | undefined;
}

/** Throws IhcError `config` with the path of the first mistake. Relative paths begin at `folder`. */
export function parseSettings(raw: unknown, folder = "."): PostgresSettings {
  const parsed = schema.safeParse(raw);
  if (!parsed.success) throw mistake("postgres", parsed.error);
  const { ca, ...rest } = parsed.data;
  return ca === undefined ? rest : { ...rest, ca: resolve(folder, ca) };
}
