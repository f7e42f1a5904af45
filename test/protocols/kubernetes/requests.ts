import { classify } from "../../../src/protocols/kubernetes/classify.ts";
import { builtIn, type Discovered } from "../../../src/protocols/kubernetes/discovery.ts";
import { parseRequest } from "../../../src/protocols/kubernetes/wire/request-info.ts";

export interface Sent {
  readonly type?: string;
  /** Objects are sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly discovery?: Discovered;
}

/** Classifies a request as it stands on the wire: `GET /api/v1/pods`. */
export function classified(line: string, { type, body, headers, discovery = builtIn }: Sent = {}) {
  const [method = "", target = ""] = line.split(/ (.*)/s);
  return classify(
    {
      info: parseRequest(method, target),
      method,
      headers: { ...headers, ...(type === undefined ? {} : { "content-type": type }) },
      body: body === undefined ? undefined : bytesOf(body),
    },
    discovery,
  );
}

export function bytesOf(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}
