import { compileMasks } from "../../../src/core/masking/compile.ts";
import { parseMasking } from "../../../src/core/masking/parse.ts";
import { type Asked, type ObjectMasks, objectMasks } from "../../../src/protocols/kubernetes/masks.ts";
import { type ResponseMask, responseMasker } from "../../../src/protocols/kubernetes/response.ts";

const nobody: Asked = {
  isResource: true,
  group: "",
  resource: "pods",
  subresource: "",
  watch: false,
  path: "",
};

export interface Answer {
  readonly rules?: unknown;
  readonly asked?: Partial<Asked>;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** How much of a document is read together; absent: every piece by itself. */
  readonly batch?: number;
  /** Length of the pieces in which the body comes; absent: in one. */
  readonly step?: number;
}

export function masksOf(rules: unknown = [], asked: Partial<Asked> = {}): ObjectMasks {
  return objectMasks(compileMasks(parseMasking(rules), Buffer.alloc(32, 7)))({ ...nobody, ...asked });
}

export function maskerOf(answer: Answer = {}): ResponseMask {
  const { rules, asked = {}, status = 200, headers = { "content-type": "application/json" } } = answer;
  return responseMasker(
    masksOf(rules, asked),
    { ...nobody, ...asked },
    { status, headers },
    undefined,
    answer.batch ?? 0,
  );
}

/** The body as it reaches the client. */
export function masked(body: unknown, answer: Answer = {}): string {
  return run(body, answer).text;
}

export function run(
  body: unknown,
  answer: Answer = {},
): { readonly text: string; readonly masked: readonly string[]; readonly objects: number } {
  const mask = maskerOf(answer);
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const step = answer.step ?? Math.max(1, bytes.length);
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += step) out.push(mask.push(bytes.subarray(at, at + step)));
  out.push(mask.end());
  const { masked: fields, objects } = mask.counts();
  return { text: Buffer.concat(out).toString("utf8"), masked: fields, objects };
}

/** As `masked`, the body cut in two at every place; all must be the same. */
export function maskedAnywhereCut(body: string, answer: Answer = {}): ReadonlySet<string> {
  const bytes = Buffer.from(body);
  const found = new Set<string>();
  for (let cut = 0; cut <= bytes.length; cut++) {
    const mask = maskerOf(answer);
    const parts = [mask.push(bytes.subarray(0, cut)), mask.push(bytes.subarray(cut)), mask.end()];
    found.add(Buffer.concat(parts).toString("utf8"));
  }
  found.add(masked(body, { ...answer, step: 1 }));
  return found;
}

export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
