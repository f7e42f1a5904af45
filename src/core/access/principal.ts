import type { Brand } from "../../base/brand.ts";

/**
 * The human being, whatever token or program speaks for them: issuer and subject, or the verified employee id claim
 * when the gateway is configured with one. Two principals are the same person exactly when this is equal.
 */
export type PersonId = Brand<string, "PersonId">;

/** The MCP client through which an AI acts for the person. */
export interface Via {
  readonly name: string;
  readonly version: string;
}

/** Who acts. Made by gateway/identity only, from a token it has verified. */
export interface Principal {
  readonly person: PersonId;
  readonly issuer: string;
  readonly subject: string;
  /** For people to read (e-mail or user name). Never compared. */
  readonly name: string;
  readonly groups: readonly string[];
  readonly via?: Via;
  /** Set when a token speaks for a program and no person (client credentials); it may never review. */
  readonly machine?: true;
  /** Thumbprint (RFC 7638) of the DPoP key that the token is bound to; absent for a bearer token. */
  readonly key?: string;
  /** RFC 8176 authentication methods of the login. */
  readonly amr: readonly string[];
}
