/** Proves to one gateway who we are. Made by agent/identity; refreshes by itself, under a lock across processes. */
export interface Credentials {
  /**
   * `Authorization` and, for bound tokens, a fresh `DPoP` proof (RFC 9449) for one request. A WebSocket upgrade is a GET of
   * its `ws` or `wss` address. Throws IhcError `login-needed` when there is no login or the refresh was refused.
   */
  headers(method: string, url: URL): Promise<Readonly<Record<string, string>>>;
  /**
   * Hands over the `DPoP-Nonce` header of an answer, whatever its status; later proofs for that origin carry it. After a
   * 401 with `error="use_dpop_nonce"` the same request is worth one retry with new headers.
   */
  nonce(url: URL, nonce: string): void;
}

/** One gateway as the person's configuration names it. */
export interface Profile {
  readonly name: string;
  readonly gateway: URL;
  /** PEM of a private certificate authority, if the gateway needs one. */
  readonly ca?: string;
}
