import { z } from "zod";
import { parseDuration } from "../../base/duration.ts";
import { IhcError } from "../../base/errors.ts";

/** How single values of ihc.yaml are written. No message here repeats the value, which may be a secret in the wrong place. */

/** `90s`, `30m`, `8h`, `2d` → milliseconds. */
export const duration = z.string('a duration like "30m"').transform(reading(parseDuration));

/** `512KiB`, `4MiB`, `1GiB` or a number of bytes → bytes. */
export const size = z
  .union([z.int().positive(), z.string()], "a size like 4MiB")
  .transform(reading(parseSize));

/** `127.0.0.1:7443`, `[::1]:7443` → host and port. */
export const listenAddress = z.string("an address like 127.0.0.1:7443").transform(reading(parseListen));

/** `https://ihc.acme.io`: an origin without path. http is for loopback. */
export const publicOrigin = z.string().transform(reading((text) => parseUrl(text, true)));

/** https, or http on loopback; path allowed. */
export const secureUrl = z.string().transform(reading((text) => parseUrl(text, false)));

export const secretReference = z
  .string("a secret reference")
  .refine((text) => /^(env|file|exec|plain):./s.test(text), "a secret is referred to, not written here");

export interface Listen {
  readonly host: string;
  readonly port: number;
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

function parseSize(value: string | number): number {
  if (typeof value === "number") return value;
  const [, digits = "", unit = ""] = /^(\d{1,9})(B|KiB|MiB|GiB|TiB)$/.exec(value) ?? [];
  const power = ["B", "KiB", "MiB", "GiB", "TiB"].indexOf(unit);
  const bytes = Number(digits) * 1024 ** power;
  if (power < 0 || bytes <= 0 || !Number.isSafeInteger(bytes))
    throw new IhcError("invalid", "not a size: write it like 512KiB, 4MiB or 1GiB");
  return bytes;
}

function parseListen(text: string): Listen {
  const [, host = "", digits = ""] = /^(\[[0-9A-Fa-f:.]+\]|[^\s:[\]]+):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (host === "" || port > 65_535)
    throw new IhcError("invalid", "not an address and port: write it like 127.0.0.1:7443 or [::1]:7443");
  return { host: host.replace(/^\[|\]$/g, ""), port };
}

function parseUrl(text: string, originOnly: boolean): string {
  if (!URL.canParse(text)) throw new IhcError("invalid", "not a URL");
  const url = new URL(text);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw new IhcError("invalid", "not a URL without user, query and fragment");
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname)))
    throw new IhcError("invalid", "must be https; http is for loopback addresses only");
  if (!originOnly) return text;
  if (url.pathname !== "/") throw new IhcError("invalid", "must not have a path");
  return url.origin;
}

function reading<In, Out>(parse: (value: In) => Out) {
  return (value: In, context: z.RefinementCtx): Out => {
    try {
      return parse(value);
    } catch (error) {
      if (!(error instanceof IhcError)) throw error;
      const hint = error.hint === undefined ? "" : `: ${error.hint}`;
      context.addIssue({ code: "custom", message: `${error.message}${hint}` });
      return z.NEVER;
    }
  };
}
