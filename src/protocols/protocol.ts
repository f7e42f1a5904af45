import type { Duplex } from "node:stream";
import type { SessionId } from "../base/ids.ts";
import type { Principal } from "../core/access/principal.ts";
import type { Target } from "../core/access/target.ts";
import type { Maskable } from "../core/masking/parse.ts";
import type { MaskingRules } from "../core/masking/rule.ts";
import type { Session } from "../core/session/session.ts";

/** What a protocol folder exports. Adding a protocol is adding a folder and a line in `index.ts`. */
export interface Protocol<Settings, Prepared = unknown> {
  readonly name: string;
  /** Which masking rules a target of this kind may have besides detectors; columns when absent. */
  readonly maskable?: Maskable;
  /**
   * Parses the target's part under the protocol's name; relative paths begin at `folder`. Throws IhcError `config` with the
   * path of the mistake.
   */
  parseSettings(raw: unknown, folder?: string): Settings;
  /** What of the settings the person may know: what clientHelp needs, never a host, user or secret of the target's. */
  publicSettings(settings: Settings): PublicSettings;
  /**
   * Runs once while a session is being opened, for what all its connections share and the client must know beforehand, such
   * as a certificate authority of the session's own. Throws IhcError to refuse the session.
   */
  prepare?(opening: Opening, settings: Settings): Promise<Preparation<Prepared>>;
  /** Serves one client connection to its end. Resolves when both sides are closed; never rejects for what a peer did. */
  serve(client: Duplex, session: Session, upstream: Upstream<Settings, Prepared>): Promise<void>;
  /** Connects to the target and reports what its role could do behind the gate's back. */
  check(upstream: Upstream<Settings>, masking: MaskingRules): Promise<readonly Finding[]>;
  /** The statements (SQL, RBAC, sshd lines) that close the gaps, ready to run by a target's owner. */
  harden(upstream: Upstream<Settings>, masking: MaskingRules): Promise<string>;
  /** How local tools connect: pure, used by the CLI, so it takes no secrets but the session's own. */
  clientHelp(local: LocalAddress, target: Target, settings: PublicSettings): ClientHelp;
}

/** The session that is being opened. */
export interface Opening {
  readonly id: SessionId;
  readonly principal: Principal;
  readonly target: Target;
  /** When the session ends at the latest. */
  readonly expiresAt: Date;
}

export interface Preparation<Prepared> {
  /** Added to the public settings that clientHelp is given; sent to the client, so it holds no secret. */
  readonly offered: PublicSettings;
  /** Kept in memory while the session lives; each of its connections gets it as `upstream.prepared`. */
  readonly prepared: Prepared;
  /** Called once when the session has ended and its connections are cut. Must not throw. */
  readonly close?: () => void;
}

/** One target as a protocol sees it. */
export interface Upstream<Settings, Prepared = unknown> {
  readonly target: Target;
  readonly settings: Settings;
  /** Resolves a secret reference such as `env:PROD_DB_RO`. The value must not be kept, logged or shown. */
  secret(reference: string): Promise<string>;
  /** What the client must prove to be let in; only hashes, made when the session was opened. */
  readonly login: SessionLogin;
  /** What `prepare` made for this session; absent where there is no session, as in `check` and `harden`. */
  readonly prepared?: Prepared;
  readonly parser: Parser;
  /** State that all connections to this target share while its settings stand, such as a catalog cache. */
  readonly shared: Map<string, unknown>;
  /** Tells the operator's log; the text must hold neither secret nor data. */
  log(
    level: "info" | "warn" | "error",
    message: string,
    fields?: Readonly<Record<string, string | number>>,
  ): void;
  /**
   * Cancel keys across connections of this gateway: PostgreSQL's CancelRequest arrives on a connection of its own.
   */
  readonly cancels: CancelRegistry;
}

/** A session secret in the form a login needs. SCRAM keys are RFC 5802 with SHA-256, salt in base64. */
export interface SessionLogin {
  readonly user: string;
  readonly scram: {
    readonly salt: string;
    readonly iterations: number;
    readonly storedKey: string;
    readonly serverKey: string;
  };
  /** sha256 of the session secret in base64, for protocols that take it as a bearer token: 256 random bits need no salt. */
  readonly sha256: string;
}

/** Runs a parser out of process (worker with a stack limit); an error that is not the parser's own denies and replaces the worker. */
export interface Parser {
  /** `module` exports `handle(input)`; input and output are structured-clonable. Throws IhcError `invalid` when the worker died or timed out. */
  call(module: URL, input: unknown): Promise<unknown>;
}

export interface CancelRegistry {
  /** Registers a connection's cancel function under a fresh key; `dispose` forgets it. */
  register(
    session: string,
    processId: number,
    cancel: () => Promise<void>,
  ): { readonly secretKey: Buffer; dispose(): void };
  /** Runs the cancel function if the key is known and belongs to that session. */
  cancel(session: string, processId: number, secretKey: Buffer): Promise<boolean>;
}

export interface Finding {
  readonly severity: "critical" | "warning" | "info";
  /** A rule name such as `superuser` or `masked-column-readable`. */
  readonly rule: string;
  readonly message: string;
  readonly hint?: string;
}

export interface LocalAddress {
  readonly host: string;
  readonly port: number;
  /** Folder of a unix socket instead of host and port. */
  readonly socket?: string;
}

/** What of a target's settings the person may know. */
export type PublicSettings = Readonly<Record<string, string | number | boolean>>;

export interface ClientHelp {
  /** Lines for a person: what to type. `<name>` of a file below becomes its path. */
  readonly lines: readonly string[];
  /** For a child process. Values of secrets are file paths, never the secret. */
  readonly environment: Readonly<Record<string, string>>;
  /** For `--json` and MCP servers; holds no secret. */
  readonly dsn: string;
  /** Files to write 0600 into the session's runtime folder; `content` may hold the session secret. */
  readonly files: readonly ClientFile[];
}

export interface ClientFile {
  readonly name: string;
  readonly content: (secret: string) => string;
  /** Kept when the session ends, at a place that stays the same, for settings that name it; must hold no secret. */
  readonly lasting?: true;
}
