import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Agent } from "node:https";
import type { Duplex, Readable } from "node:stream";
import type { SecureContext } from "node:tls";
import type { Admitted } from "../../core/session/operation.ts";
import type { Admission, Session } from "../../core/session/session.ts";
import type { Parser } from "../protocol.ts";
import type { Credential } from "./credential.ts";
import type { Discovery } from "./discovery.ts";
import type { MessageLine } from "./message-line.ts";
import type { KubernetesOperation } from "./operation.ts";
import type { KubernetesSettings } from "./settings.ts";
import type { StreamProtocol } from "./wire/channels.ts";

/**
 * What the parts of this folder hand each other. `serve` owns the order: it reads a request, has it classified, admitted and
 * sent, and gives the answer to the masker (responses) or to `serveStream` (exec, attach, port-forward).
 */

/** The head of an answer of the API server: status and headers with names in lower case. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

export interface KubernetesResponse extends ResponseHead {
  /** The body as it comes, decoded from no content encoding: Accept-Encoding is never sent. */
  readonly body: Readable;
}

/** A `Status` object in the making, for answers that the gateway gives itself. `message` is what kubectl prints. */
export interface StatusAnswer {
  readonly code: number;
  /** `Forbidden`, `NotAcceptable`, `BadRequest`, `TooManyRequests`, … */
  readonly reason: string;
  readonly message: string;
  /** Made of the gateway's words, reviewers' and the client's own; nothing in it comes from the cluster. */
  readonly ours?: boolean;
}

/** The answer of the API server to an upgrade. */
export type StreamAnswer =
  | { readonly kind: "open"; readonly line: MessageLine; readonly protocol: StreamProtocol }
  | StreamRefusal;

/** What the cluster said instead of switching protocols. */
export interface StreamRefusal {
  readonly kind: "refused";
  readonly status: StatusAnswer;
  /** The API server's own answer, a Status; a kubelet or a proxy that did not understand the question says none. */
  readonly byApiServer: boolean;
}

/** What all connections of one session share; made by `prepare`, in memory only. */
export interface SessionState {
  /** The session's own certificate and key. */
  readonly tls: SecureContext;
  /** Connections to the API server; never shared with another session, because identities are. */
  readonly agent: Agent;
  /** How the gateway logs in; made when it is first needed. */
  credential?: Credential;
  /** What the cluster has, as its discovery says; made when it is first needed. */
  discovery?: Discovery;
  /** As whom the cluster was asked last, as the recording has it. */
  identity?: string;
  /** Requests under way. */
  underway: number;
  /** For kubectl exec's two requests: what was decided, by person, Kubectl-Session, pod, container and command. */
  readonly execs: Map<string, unknown>;
}

/** What `serveStream` is given: an upgrade request that is classified, but neither admitted nor answered. */
export interface StreamRequest {
  readonly session: Session;
  readonly settings: KubernetesSettings;
  readonly state: SessionState;
  /** Reads the command of an exec. */
  readonly parser: Parser;
  readonly operation: KubernetesOperation;
  /** `spdy` is to be refused with a Status that says so. */
  readonly upgrade: "websocket" | "spdy";
  /** The client's request as it came. */
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  /** Aborts when the client has gone, the session ends, or the gateway drains. */
  readonly signal: AbortSignal;
  /** Judges and waits for reviewers; as session.admit, with the limits that hold here. */
  admit(operation: KubernetesOperation): Promise<Admission<KubernetesOperation>>;
  /** Dials the API server with impersonation, for a client that speaks `front`. Its own headers are not all sent. */
  open(operation: Admitted<KubernetesOperation>, front: StreamProtocol): Promise<StreamAnswer>;
  /** Answers with a Status instead of an upgrade, masked, and closes the socket. */
  refuse(status: StatusAnswer): void;
}

/** Serves one upgrade to its end. Never rejects for what a peer did. Exported by streams.ts. */
export type ServeStream = (stream: StreamRequest) => Promise<void>;

/** What the recording holds about one answer. */
export interface ResponseCounts {
  /** Bytes sent to the client. */
  readonly bytes: number;
  /** Objects that passed: 1 for a single one, items of a list, events of a watch. */
  readonly objects: number;
  /** Fields that were replaced, as paths or rule texts, each once. */
  readonly masked: readonly string[];
}
