import { Transform } from "node:stream";
import type { Masked } from "../../core/masking/rule.ts";
import type { ResponseCounts, ResponseHead } from "./exchange.ts";
import { type BodyMask, DocumentMask, type Recorder } from "./lists.ts";
import { TextMask } from "./logs.ts";
import { MaskedFields } from "./masked-fields.ts";
import { type Asked, type ObjectMasks, unmaskable } from "./masks.ts";
import { answerClass, mediaType } from "./negotiate.ts";
import { NoData, UntouchedBody } from "./untouched.ts";
import { WatchMask } from "./watch.ts";

/** Masks the body of one answer. */
export interface ResponseMask {
  /**
   * Throws IhcError when the body cannot be masked. What came before may have gone out; the client's connection must be
   * cut then, so that what it has does not look complete.
   */
  push(chunk: Uint8Array): Masked<Uint8Array>;
  end(): Masked<Uint8Array>;
  counts(): ResponseCounts;
}

/**
 * Chooses by request and answer how the body is masked. Throws IhcError `invalid` with rule `unmaskable-answer` for an answer
 * that may carry objects in a form that cannot be read: not a byte of it may go out. `batch`: how many bytes of a document
 * are read together, 64 KiB unless told.
 */
export function responseMasker(
  masks: ObjectMasks,
  asked: Asked,
  head: ResponseHead,
  recorder?: Recorder,
  batch?: number,
): ResponseMask {
  const fields = new MaskedFields(masks.plan);
  const body = bodyMask(masks, asked, head, { fields, recorder, batch });
  let bytes = 0;
  const counted = (masked: Masked<Uint8Array>): Masked<Uint8Array> => {
    bytes += masked.length;
    return masked;
  };
  return {
    push: (chunk) => counted(body.push(chunk)),
    end: () => counted(body.end()),
    counts: () => ({ bytes, objects: body.objects, masked: fields.all() }),
  };
}

/** The mask as a stream: it errors where the mask throws. */
export function maskTransform(mask: Pick<ResponseMask, "push" | "end">): Transform {
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      settle(done, () => mask.push(chunk));
    },
    flush(done) {
      settle(done, () => mask.end());
    },
  });
}

function settle(done: (error?: Error | null, data?: Uint8Array) => void, mask: () => Uint8Array): void {
  let masked: Uint8Array;
  try {
    masked = mask();
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  if (masked.length > 0) done(null, masked);
  else done();
}

interface Parts {
  readonly fields: MaskedFields;
  readonly recorder: Recorder | undefined;
  readonly batch: number | undefined;
}

function bodyMask(masks: ObjectMasks, asked: Asked, head: ResponseHead, parts: Parts): BodyMask {
  const { fields, recorder, batch } = parts;
  const { status, headers } = head;
  if (status === 204 || status === 304 || headers["content-length"] === "0") return new NoBody();
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    throw unmaskable(`it is encoded as ${shown(encoding)}`);
  const type = mediaType(headers["content-type"]);
  if (status === 200 && answerClass(asked) === "schema") return new NoData();
  if (type !== "application/json") return textMask(masks, asked, type, status, recorder);
  if (status === 200 && asked.watch) return new WatchMask(masks, fields, recorder);
  if (status === 200 && masks.inert) return new UntouchedBody(masks, recorder);
  return new DocumentMask(masks, fields, recorder, batch);
}

/** Logs and the like; errors of what stands before the API server come as plain text too. */
function textMask(
  masks: ObjectMasks,
  asked: Asked,
  type: string,
  status: number,
  recorder: Recorder | undefined,
): BodyMask {
  const text = answerClass(asked) === "text" && (type === "" || type.startsWith("text/"));
  if (text || (type === "text/plain" && status >= 400)) return new TextMask(masks.plan, recorder);
  throw unmaskable(type === "" ? "it does not say what it is" : `it is ${shown(type)}`);
}

/** An answer that says it has no body. */
class NoBody implements BodyMask {
  readonly objects = 0;

  push(chunk: Uint8Array): Masked<Uint8Array> {
    if (chunk.length > 0) throw unmaskable("it has a body where there is none");
    return chunk as Masked<Uint8Array>;
  }

  end(): Masked<Uint8Array> {
    return new Uint8Array(0) as Masked<Uint8Array>;
  }
}

function shown(value: string): string {
  return value.replace(/[^\w./+-]/g, "?").slice(0, 80);
}
