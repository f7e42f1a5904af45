import { IhcError } from "../../base/errors.ts";

/** A place for one small secret per account that other users and backups do not see. */
export interface Keychain {
  get(account: string): Promise<string | undefined>;
  set(account: string, secret: string): Promise<void>;
  remove(account: string): Promise<void>;
}

const service = "ihc";
/** A locked keychain may ask a person; without one it would wait for ever. */
const patience = 60_000;

/**
 * The operating system's keychain: macOS Keychain, Windows Credential Manager, or the Secret Service by libsecret. keytar is an
 * optional dependency and its library may be missing. Throws IhcError `unavailable` with what to do instead.
 */
export async function openKeychain(): Promise<Keychain> {
  const keytar = await load();
  return {
    get: async (account) => (await bounded(keytar.getPassword(service, account))) ?? undefined,
    set: (account, secret) => bounded(keytar.setPassword(service, account, secret)),
    remove: async (account) => {
      await bounded(keytar.deletePassword(service, account));
    },
  };
}

async function load(): Promise<typeof import("keytar")> {
  try {
    const loaded = await import("keytar");
    return "default" in loaded ? (loaded.default as typeof loaded) : loaded;
  } catch (cause) {
    throw noKeychain(cause);
  }
}

async function bounded<T>(call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("the keychain did not answer")), patience);
  });
  try {
    return await Promise.race([call, late]);
  } catch (cause) {
    throw noKeychain(cause);
  } finally {
    clearTimeout(timer);
  }
}

function noKeychain(cause: unknown): IhcError {
  return new IhcError("unavailable", "there is no usable keychain on this machine", {
    cause,
    hint: "unlock or install one (libsecret and a secret service on Linux), or log in with --insecure-storage, which keeps the key in a file",
  });
}
