import type { Configuration } from "openid-client";
import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import { resourceOf, type TokenRequest, targetOf } from "./token-request.ts";
import type { Tokens } from "./tokens.ts";

/** RFC 8628: shows a code, polls until the person has confirmed it in any browser, on any machine. */
export async function deviceFlow(config: Configuration, request: TokenRequest): Promise<Tokens> {
  const client = await import("openid-client");
  if (config.serverMetadata().device_authorization_endpoint === undefined)
    throw new IhcError("unavailable", "the identity provider has no device flow", {
      hint: "run ihc login --browser",
    });
  const answer = await client.initiateDeviceAuthorization(config, targetOf(request));
  request.on({
    kind: "code",
    userCode: visible(answer.user_code),
    address: webAddress(answer.verification_uri),
    ...(answer.verification_uri_complete === undefined
      ? {}
      : { completeAddress: webAddress(answer.verification_uri_complete) }),
    expiresAt: new Date(request.clock.now().getTime() + answer.expires_in * 1000),
  });
  const { DPoP, signal } = request;
  return await client.pollDeviceAuthorizationGrant(config, answer, resourceOf(request.audience), {
    DPoP,
    ...(signal && { signal }),
  });
}

/** It is printed and given to a browser opener: no other scheme, no control characters. */
function webAddress(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw new IhcError("unavailable", "the identity provider gave no usable address for the code");
  return url.href;
}
