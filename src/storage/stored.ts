import { IhcError } from "../base/errors.ts";
import type { Grant } from "../core/access/grant.ts";
import type { AccessRequest } from "../core/access/request.ts";
import type { Review } from "../core/access/review.ts";
import type { SessionRecord } from "../core/access/session-record.ts";
import type { ChunkRecord } from "./store.ts";

/** A record as its body holds it: its dates are text. */
type Stored<T, Dates extends keyof T> = Omit<T, Dates> & {
  readonly [Key in keyof Pick<T, Dates>]: Date extends T[Key] ? string : never;
};
type StoredRequest = Stored<Omit<AccessRequest, "reviews">, "createdAt" | "expiresAt" | "decidedAt"> & {
  readonly reviews: readonly Stored<Review, "at">[];
};

export function storedRequest(body: string): AccessRequest {
  const { createdAt, expiresAt, decidedAt, reviews, ...rest }: StoredRequest = parse(body);
  return {
    ...rest,
    createdAt: new Date(createdAt),
    expiresAt: new Date(expiresAt),
    ...(decidedAt === undefined ? {} : { decidedAt: new Date(decidedAt) }),
    reviews: reviews.map((review): Review => ({ ...review, at: new Date(review.at) })),
  };
}

export function storedGrant(body: string): Grant {
  const { startsAt, expiresAt, endedAt, ...rest }: Stored<Grant, "startsAt" | "expiresAt" | "endedAt"> =
    parse(body);
  return {
    ...rest,
    startsAt: new Date(startsAt),
    expiresAt: new Date(expiresAt),
    ...(endedAt === undefined ? {} : { endedAt: new Date(endedAt) }),
  };
}

export function storedSession(body: string): SessionRecord {
  const {
    openedAt,
    expiresAt,
    endedAt,
    ...rest
  }: Stored<SessionRecord, "openedAt" | "expiresAt" | "endedAt"> = parse(body);
  return {
    ...rest,
    openedAt: new Date(openedAt),
    expiresAt: new Date(expiresAt),
    ...(endedAt === undefined ? {} : { endedAt: new Date(endedAt) }),
  };
}

export function storedChunk(body: string): ChunkRecord {
  const { sealedAt, ...rest }: Stored<ChunkRecord, "sealedAt"> = parse(body);
  return { ...rest, sealedAt: new Date(sealedAt) };
}

/** The store alone writes bodies, so what parses has their shape; what was changed behind it is `verifyStore`'s to find. */
function parse<T>(body: string): T {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new IhcError("corrupt", "a row of the store cannot be read", {
      hint: "run ihc audit verify",
      cause,
    });
  }
}
