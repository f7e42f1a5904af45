import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { IhcError } from "../../base/errors.ts";
import type { Profile } from "../credentials.ts";
import { type AgentPaths, privateFolder, readPrivate, removePrivate, writePrivate } from "../paths.ts";
import { type Keychain, openKeychain } from "./keychain.ts";
import { seal, unseal } from "./seal.ts";

/** Where the sealing key lies. `file` only because the person said `--insecure-storage`. */
export type KeyPlace = "keychain" | "file";

/** A login as it is kept, sealed. Times are milliseconds since 1970. */
export type Login = z.infer<typeof login>;

const login = z.strictObject({
  issuer: z.string(),
  client_id: z.string(),
  audience: z.string(),
  name: z.string(),
  subject: z.string(),
  groups: z.array(z.string()),
  access_token: z.string(),
  token_type: z.enum(["dpop", "bearer"]),
  issued_at: z.number(),
  expires_at: z.number(),
  refresh_token: z.string().optional(),
  /** Kept only for a gateway that reads the groups from it. */
  id_token: z.string().optional(),
});

const dpopKey = z.looseObject({
  kty: z.literal("EC"),
  crv: z.literal("P-256"),
  x: z.string(),
  y: z.string(),
  d: z.string(),
});

/** The private key as JWK (RFC 7517). */
export type DpopJwk = z.infer<typeof dpopKey>;

/** One profile's secrets on this machine. */
export interface TokenStore {
  /** The folder that holds them; also the place of the refresh lock. */
  readonly folder: string;
  keyPlace(): Promise<KeyPlace | undefined>;
  login(): Promise<Login | undefined>;
  saveLogin(login: Login): Promise<void>;
  removeLogin(): Promise<void>;
  dpopKey(): Promise<DpopJwk | undefined>;
  saveDpopKey(key: DpopJwk): Promise<void>;
  /** Makes sure that a sealing key exists at `place`; a key elsewhere is given up together with what it sealed. */
  prepare(place: KeyPlace): Promise<void>;
}

/**
 * Opens the store of a profile. A random 32-byte key, in the keychain (or, on explicit wish, in a file beside), seals the
 * login and the DPoP key with AES-256-GCM; files are 0600 in a 0700 folder. Anything unsafe is refused with IhcError `config`.
 */
export function openTokenStore(
  paths: AgentPaths,
  profile: Profile,
  keychain: () => Promise<Keychain> = openKeychain,
): TokenStore {
  const folder = join(paths.state, "profiles", profile.name);
  const at = (name: string) => join(folder, name);
  const account = `${profile.name} ${profile.gateway.origin}`;
  let known: Uint8Array | undefined;

  const keyPlace = async (): Promise<KeyPlace | undefined> => {
    const text = (await readPrivate(at("key-place")))?.toString("utf8").trim();
    if (text === undefined || text === "keychain" || text === "file") return text;
    throw new IhcError("corrupt", `${at("key-place")} is damaged`, { hint: "run ihc login again" });
  };
  const storedKey = async (place: KeyPlace): Promise<Uint8Array | undefined> => {
    const text =
      place === "file"
        ? (await readPrivate(at("key")))?.toString("utf8")
        : await (await keychain()).get(account);
    const key = text === undefined ? undefined : Buffer.from(text.trim(), "base64url");
    return key?.length === 32 ? key : undefined;
  };
  const sealingKey = async (): Promise<Uint8Array | undefined> => {
    if (known !== undefined) return known;
    const place = await keyPlace();
    known = place === undefined ? undefined : await storedKey(place);
    return known;
  };
  const read = async <T>(name: string, schema: z.ZodType<T>): Promise<T | undefined> => {
    await privateFolder(folder);
    const sealed = await readPrivate(at(name));
    if (sealed === undefined) return undefined;
    const key = await sealingKey();
    if (key === undefined) return undefined; // The key is gone for good, so the login is.
    const parsed = schema.safeParse(parseJson(unseal(key, context(profile, name), sealed)));
    if (parsed.success) return parsed.data;
    throw new IhcError("corrupt", "the stored login is of another version", { hint: "run ihc login again" });
  };
  const write = async (name: string, value: unknown): Promise<void> => {
    const key = await sealingKey();
    if (key === undefined)
      throw new IhcError("internal", "nothing to seal the login with", { hint: "run ihc login again" });
    await writePrivate(at(name), seal(key, context(profile, name), JSON.stringify(value)));
  };
  const prepare = async (place: KeyPlace): Promise<void> => {
    await privateFolder(folder);
    const before = await keyPlace();
    if (before === place && (await storedKey(place)) !== undefined) return;
    await Promise.all(["login.sealed", "dpop.sealed", "key"].map((name) => removePrivate(at(name))));
    const key = randomBytes(32);
    if (place === "file") await writePrivate(at("key"), key.toString("base64url"));
    else await (await keychain()).set(account, key.toString("base64url"));
    await writePrivate(at("key-place"), place);
    known = key;
  };

  return {
    folder,
    keyPlace,
    prepare,
    login: () => read("login.sealed", login),
    saveLogin: (value) => write("login.sealed", value),
    removeLogin: () => removePrivate(at("login.sealed")),
    dpopKey: () => read("dpop.sealed", dpopKey),
    saveDpopKey: (value) => write("dpop.sealed", value),
  };
}

function context(profile: Profile, name: string): string {
  return `ihc 1 ${name} ${profile.name} ${profile.gateway.origin}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new IhcError("corrupt", "the stored login cannot be read", { cause, hint: "run ihc login again" });
  }
}
