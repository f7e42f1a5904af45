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

/** What the person is asked to agree to, and for whom the tokens are. */
export function targetOf(request: TokenRequest): Record<string, string> {
  return { scope: request.scopes.join(" "), audience: request.audience, ...resourceOf(request.audience) };
}

/**
 * `resource` (RFC 8707) for an audience that is a web address. Entra refuses the parameter altogether, and its audiences are
 * none; Auth0 and others read `audience` instead, and every provider ignores what it does not know.
 */
export function resourceOf(audience: string): { resource?: string } {
  return /^https?:\/\//.test(audience) ? { resource: audience } : {};
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
