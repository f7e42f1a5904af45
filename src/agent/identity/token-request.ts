import type { DPoPHandle } from "openid-client";
import type { Clock } from "../../base/clock.ts";

/** What both flows ask the provider for. */
export interface TokenRequest {
  readonly scopes: readonly string[];
  readonly audience: string;
  readonly DPoP: DPoPHandle;
  readonly signal: AbortSignal | undefined;
  readonly on: (event: LoginEvent) => void;
  readonly clock: Clock;
}

/** Scope, `resource` (RFC 8707) and `audience` (Auth0, Okta and others): a provider ignores the one it does not know. */
export function targetOf(request: TokenRequest): Record<string, string> {
  return { scope: request.scopes.join(" "), resource: request.audience, audience: request.audience };
}

/** What the person must see or do while logging in. */
export type LoginEvent =
  | {
      readonly kind: "code";
      /** To be typed at `address`; compare it with what the page shows. */
      readonly userCode: string;
      readonly address: string;
      /** The address with the code filled in, if the provider has one. */
      readonly completeAddress?: string;
      readonly expiresAt: Date;
    }
  | { readonly kind: "browser"; readonly address: string };
