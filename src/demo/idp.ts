import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import type { Configuration, KoaContextWithOIDC, Provider } from "oidc-provider";
import { IhcError } from "../base/errors.ts";
import { interact } from "./interaction.ts";
import { memoryAdapter } from "./memory.ts";
import { confirmPage, inputPage, successPage } from "./pages.ts";
import { type Person, people } from "./people.ts";

/** An OpenID provider on loopback for the demo and for tests. Never for anything else: it asks for no password. */
export interface Idp {
  readonly issuer: string;
  readonly clientId: string;
  readonly audience: string;
  /** The private key that signs its tokens, for tests that forge. */
  readonly signingKey: JWK;
  /** How many token requests of each grant type were answered with a token. */
  readonly issued: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

export interface IdpOptions {
  /** The gateway's audience; access tokens are JWTs (RFC 9068) for it. */
  readonly audience: string;
  readonly people?: readonly Person[];
  readonly clientId?: string;
  /** Seconds; default 600. */
  readonly accessTokenLife?: number;
  /** Seconds a refresh token lives; default a day. */
  readonly refreshTokenLife?: number;
  readonly port?: number;
}

/**
 * Starts oidc-provider with the device flow, authorization code with PKCE, DPoP, rotating refresh tokens, revocation, and
 * a `groups` claim. Throws IhcError `unavailable` when the package (a development dependency) is not installed.
 */
export async function startIdp(options: IdpOptions): Promise<Idp> {
  const { Provider } = await loadProvider();
  const clientId = options.clientId ?? "ihc";
  const signingKey = await newSigningKey();
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, configuration(options, clientId, signingKey));
  pollQuickly(provider);
  const issued = countGrants(provider);
  const callback = provider.callback();
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const isInteraction = request.url?.startsWith("/interaction/") === true;
    const answer = isInteraction
      ? interact(provider, options.people ?? people, request, response)
      : callback(request, response);
    answer.catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { issuer, clientId, audience: options.audience, signingKey, issued, stop };
}

async function loadProvider(): Promise<typeof import("oidc-provider")> {
  try {
    return await import("oidc-provider");
  } catch (cause) {
    throw new IhcError("unavailable", "the demo needs the development dependencies", {
      hint: "run it from a checkout after npm ci",
      cause,
    });
  }
}

async function newSigningKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: "ES256", use: "sig", kid: randomBytes(8).toString("hex") };
}

function configuration(options: IdpOptions, clientId: string, signingKey: JWK): Configuration {
  const known = new Map((options.people ?? people).map((person) => [person.id, person]));
  const day = 86_400;
  return {
    adapter: memoryAdapter(),
    clients: [
      {
        client_id: clientId,
        client_name: "ihc",
        application_type: "native",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        response_types: ["code"],
        redirect_uris: ["http://127.0.0.1/callback"],
        id_token_signed_response_alg: "ES256",
      },
    ],
    jwks: { keys: [signingKey] },
    cookies: { keys: [randomBytes(32).toString("hex")] },
    scopes: ["openid", "offline_access", "profile", "email", "groups"],
    claims: {
      openid: ["sub", "amr"],
      profile: ["name"],
      email: ["email", "email_verified"],
      groups: ["groups"],
      acr: null,
      auth_time: null,
    },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: () => Promise.resolve(true),
    findAccount: (_ctx, id) => {
      const person = known.get(id);
      if (person === undefined) return undefined;
      return { accountId: id, claims: () => ({ sub: id, name: person.email, ...claimsOf(person) }) };
    },
    extraTokenClaims: (_ctx, token) => {
      const person = "accountId" in token ? known.get(String(token.accountId)) : undefined;
      return person === undefined ? {} : claimsOf(person);
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      deviceFlow: {
        enabled: true,
        charset: "base-20",
        mask: "****-****",
        userCodeInputSource: inputPage,
        userCodeConfirmSource: confirmPage,
        successSource: successPage,
      },
      dPoP: { enabled: true },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
      },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => options.audience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: "",
          audience: options.audience,
          accessTokenFormat: "jwt",
          accessTokenTTL: options.accessTokenLife ?? 600,
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
    ttl: {
      AccessToken: options.accessTokenLife ?? 600,
      AuthorizationCode: 60,
      DeviceCode: 600,
      Grant: day,
      IdToken: 600,
      Interaction: 600,
      RefreshToken: options.refreshTokenLife ?? day,
      Session: day,
    },
    renderError: (ctx: KoaContextWithOIDC, out) => {
      ctx.type = "text";
      ctx.body = `${out.error}: ${out.error_description ?? ""}`;
    },
  };
}

function claimsOf(person: Person): Record<string, unknown> {
  return { email: person.email, email_verified: true, groups: person.groups, amr: ["pwd", "hwk"] };
}

/** RFC 8628's default is to ask every 5 seconds, which makes demos and tests slow. */
function pollQuickly(provider: Provider): void {
  provider.use(async (ctx, next) => {
    await next();
    if (ctx["oidc"]?.route === "device_authorization" && ctx.status === 200 && typeof ctx.body === "object")
      ctx.body = { ...ctx.body, interval: 1 };
  });
}

function countGrants(provider: Provider): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  provider.on("grant.success", (ctx) => {
    const type = String(ctx.oidc.params?.["grant_type"]);
    counts.set(type, (counts.get(type) ?? 0) + 1);
  });
  return counts;
}
