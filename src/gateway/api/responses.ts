import type { z } from "zod";
import { IhcError } from "../../base/errors.ts";
import { problem } from "../../core/api/schema.ts";

const problemContent = { "application/problem+json": { schema: problem } };

/** The answers of a route that gives `schema` as JSON. */
export function answers<T extends z.ZodType, S extends 200 | 201 = 200>(
  schema: T,
  description: string,
  status?: S,
) {
  return {
    [status ?? 200]: { description, content: { "application/json": { schema } } },
    ...problems,
  } as {
    [K in S]: { description: string; content: { "application/json": { schema: T } } };
  } & typeof problems;
}

/** Every route may answer with a problem document. */
export const problems = {
  400: { description: "the request cannot be read", content: problemContent },
  401: { description: "no valid access token", content: problemContent },
  403: { description: "policy or a rule says no", content: problemContent },
  404: { description: "no such thing, or none that the caller may see", content: problemContent },
  409: { description: "somebody was faster, or the state does not allow it", content: problemContent },
  428: { description: "If-Match is missing", content: problemContent },
  429: { description: "too many requests", content: problemContent },
  503: { description: "the gateway cannot answer now", content: problemContent },
} as const;

export function jsonBody<T extends z.ZodType>(schema: T) {
  return { required: true, content: { "application/json": { schema } } };
}

/** Thrown where an operation needs to know which version the caller saw. */
export class PreconditionRequired extends Error {
  override readonly name = "PreconditionRequired";
  readonly problem = new IhcError("invalid", "say which version you saw", {
    hint: 'send If-Match: "<version>"',
  });
}

/** The version in an If-Match header, which must be there. */
export function versionOf(ifMatch: string | undefined): number {
  if (ifMatch === undefined) throw new PreconditionRequired();
  const [, digits] = /^"?(\d{1,9})"?$/.exec(ifMatch) ?? [];
  if (digits === undefined)
    throw new IhcError("invalid", "If-Match is not a version", { hint: 'write it like "3"' });
  return Number(digits);
}
