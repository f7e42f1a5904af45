import type { IncomingHttpHeaders } from "node:http";
import type { Operation } from "../../core/session/operation.ts";
import type { RequestInfo } from "./wire/request-info.ts";

/**
 * One request to the API server, as policy judges it and as it would be sent. `text` is the method and the rebuilt target,
 * `parameters` the content type and the body as text where there is one: an approval is bound to all of it.
 */
export interface KubernetesOperation extends Operation {
  readonly kind: "request" | "exec" | "attach" | "portforward";
  readonly method: string;
  readonly info: RequestInfo;
  /** Exactly what would be sent. */
  readonly body?: Uint8Array;
  readonly contentType?: string;
}

/** A request to the API server, its target parsed and its body read whole. */
export interface ClassifyRequest {
  readonly info: RequestInfo;
  readonly method: string;
  /** The client's, names in lower case as node:http gives them. */
  readonly headers: IncomingHttpHeaders;
  /** Absent or empty where there is none. */
  readonly body?: Uint8Array | undefined;
}
