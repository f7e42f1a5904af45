import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";

/**
 * What our TLS connections trust, to the gateway, its tunnels and the identity provider alike: the system's authorities and,
 * if given, one more (PEM). Make it once per use: reading the system's list takes milliseconds.
 */
export function trust(ca: string | undefined): { readonly secureContext?: SecureContext } {
  if (ca === undefined) return {};
  return { secureContext: createSecureContext({ ca: [...getCACertificates("default"), ca] }) };
}
