import { resolve } from "node:path";
import { z } from "zod";
import { parseDuration } from "../../base/duration.ts";
import { visible } from "../../base/text.ts";
import { mistake } from "../mistake.ts";

const duration = z.string().transform((text, context) => {
  try {
    return parseDuration(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : "not a duration" });
    return z.NEVER;
  }
});

/** A name of the cluster's, in whole or its beginning, that the gateway may give. */
const named = z
  .string()
  .max(253)
  .refine(isCarried, "must not hold control or invisible characters, or spaces at its ends")
  .refine((text) => !isReserved(text), "must not begin with system:, which Kubernetes keeps for itself");
const groupName = named.min(1, "must not be empty");

const reference = z.string().regex(/^(env|file|exec|plain):./s, "a secret is referred to, not written here");

/** How the gateway logs in to the API server: exactly one of these. */
const credential = z.union(
  [
    /** A bearer token. Read anew every minute, so a rotated file counts. */
    z.strictObject({ token: reference }),
    /** A client certificate: a PEM file, and the reference of its PEM key. */
    z.strictObject({ certificate: z.string().min(1), private_key: reference }),
    /** A client-go credential plugin (client.authentication.k8s.io/v1), run without a shell. */
    z.strictObject({
      exec: z.strictObject({
        /** Looked for in /usr/local/bin, /usr/bin and /bin, unless it is a path. */
        command: z.string().regex(/^\S+$/, "one program; what follows it goes into args, one entry each"),
        args: z.array(z.string()).default([]),
        /** Besides PATH and HOME; values are secret references. */
        env: z.record(z.string().regex(/^[A-Za-z_]\w*$/), reference).default({}),
      }),
    }),
    /** The service account of the pod in which the gateway runs. */
    z.strictObject({ in_cluster: z.literal(true) }),
  ],
  "give exactly one of: token; certificate and private_key; exec; in_cluster: true",
);

const schema = z
  .strictObject({
    /** The API server, `https://host:port`, without a path. Absent only with in_cluster. */
    server: z
      .string()
      .refine((text) => isOrigin(text), "must be https://host:port without path, user and query")
      .default("https://kubernetes.default.svc"),
    /** File with the PEM certificates that are trusted instead of the system's. */
    ca: z.string().min(1).optional(),
    /** The name that the server's certificate must carry, when it is not the host. */
    server_name: z
      .string()
      .regex(/^[A-Za-z0-9.-]+$/, "must be a host's name")
      .optional(),
    credential,
    /** Before the person's name in Impersonate-User; Kubernetes' own audit log shows it. */
    user_prefix: named.max(63).default(""),
    /** Before each of the person's groups in Impersonate-Group, so that no group of the provider's is one of the cluster's. */
    group_prefix: groupName.max(63).default("ihc:"),
    /** Groups of the provider's and what they are called in the cluster. */
    groups: z
      .record(
        groupName.refine((text) => !isReserved(text), "begins with system:, which no provider may claim"),
        groupName,
      )
      .default({}),
    /** What becomes of groups that are not named there: most accounts may impersonate a few groups only. */
    other_groups: z.enum(["prefix", "leave_out"]).default("prefix"),
    /** The people who may come here, by their names; everybody whom policy lets in when absent. */
    users: z.array(groupName).min(1, "leave it out to let in everybody whom policy does").optional(),
    /** How long a client is kept waiting for an approval at most. */
    hold_timeout: duration.default(30 * 60_000),
    connect_timeout: duration.default(10_000),
    /** The largest request body, bytes; the API server's own limit is 3 MiB. */
    body_limit: z
      .int()
      .min(1)
      .max(16 * 1024 * 1024)
      .default(3 * 1024 * 1024),
    /** Requests that one session may have under way at once, watches and held ones among them. */
    requests_at_once: z.int().min(1).max(1000).default(100),
    /** Namespace that kubectl starts with. */
    namespace: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "is no name of a namespace")
      .optional(),
    /** What a person types to exec is recorded only when asked for: it holds their passwords too. */
    record_stdin: z.boolean().default(false),
  })
  .refine((s) => s.server !== "https://kubernetes.default.svc" || "in_cluster" in s.credential, {
    path: ["server"],
    message: "is missing",
  });

/** A Kubernetes target's part of ihc.yaml. Durations in milliseconds, sizes in bytes. */
export type KubernetesSettings = Readonly<z.infer<typeof schema>>;

/** Throws IhcError `config` with the path of the first mistake. Relative paths begin at `folder`. */
export function parseSettings(raw: unknown, folder = "."): KubernetesSettings {
  const parsed = schema.safeParse(raw);
  if (!parsed.success) throw mistake("kubernetes", parsed.error);
  const { ca, credential: given, ...rest } = parsed.data;
  return {
    ...rest,
    credential: located(given, folder),
    ...(ca === undefined ? {} : { ca: resolve(folder, ca) }),
  };
}

type Credential = z.infer<typeof credential>;

function located(given: Credential, folder: string): Credential {
  if ("certificate" in given) return { ...given, certificate: resolve(folder, given.certificate) };
  if (!("exec" in given) || !given.exec.command.includes("/")) return given;
  return { exec: { ...given.exec, command: resolve(folder, given.exec.command) } };
}

/** Kubernetes compares letter by letter; a name that differs from its own in their case alone is no honest one either. */
export function isReserved(name: string): boolean {
  return name.trimStart().toLowerCase().startsWith("system:");
}

/**
 * Whether a header brings it to the API server unchanged, and whoever reads the cluster's audit log sees which name it is:
 * the server trims, and a control or invisible character hides.
 */
export function isCarried(name: string): boolean {
  return name === name.trim() && name === visible(name);
}

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const plain = url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  return url.protocol === "https:" && plain && url.pathname === "/";
}
