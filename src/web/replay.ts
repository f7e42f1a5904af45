import { randomBytes, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import {
  castName,
  contentSecurityPolicy,
  pageScript,
  pageStyle,
  type ReplayView,
  replayPage,
} from "./page.ts";

export interface ReplayServer {
  /** Holds the token: whoever opens it first gets the recording, nobody after. */
  readonly url: URL;
  close(): Promise<void>;
}

interface Content {
  readonly type: string;
  readonly body: string | Buffer;
}

/**
 * Serves one recording on the loopback interface to the one browser that opens the address first. That browser gets a cookie
 * and may reload; the address alone is worth nothing afterwards. Requests for another host name (DNS rebinding), from other
 * sites or with other methods are refused.
 */
export async function serveReplay(view: ReplayView): Promise<ReplayServer> {
  const token = randomBytes(24).toString("base64url");
  const cookie = randomBytes(24).toString("base64url");
  const contents = await contentsOf(view);
  let opened = false;
  let host = "";
  const server = createServer((request, response) => {
    const reason = refusal(request, host);
    if (reason !== undefined) return refuse(response, 403, reason);
    const [, prefix = "", name = "", ...rest] = (request.url ?? "").split("/");
    if (!same(prefix, token) || rest.length > 0) return refuse(response, 404, "nothing here");
    const known = same(cookieOf(request), cookie);
    if (!known && (opened || name !== ""))
      return refuse(response, 403, "this address has been opened already; run ihc replay --web again");
    const content = contents.get(name);
    if (content === undefined) return refuse(response, 404, "nothing here");
    if (!known)
      response.setHeader("set-cookie", `ihc-replay=${cookie}; HttpOnly; SameSite=Strict; Path=/${token}/`);
    opened = true;
    answer(response, 200, content);
  });
  server.headersTimeout = 5000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  host = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  return {
    url: new URL(`http://${host}/${token}/`),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function refusal(request: IncomingMessage, host: string): string | undefined {
  if (request.method !== "GET") return "only GET";
  if (request.headers.host !== host) return "another host";
  const { origin } = request.headers;
  if (origin !== undefined && origin !== `http://${host}`) return "another origin";
  const site = request.headers["sec-fetch-site"];
  return site === "cross-site" || site === "same-site" ? "another site" : undefined;
}

function cookieOf(request: IncomingMessage): string {
  return /(?:^|;\s*)ihc-replay=([\w-]+)/.exec(request.headers.cookie ?? "")?.[1] ?? "";
}

function same(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  answer(response, status, { type: "text/plain; charset=utf-8", body: `${reason}\n` });
}

function answer(response: ServerResponse, status: number, { type, body }: Content): void {
  response.writeHead(status, {
    "content-type": type,
    "content-security-policy": contentSecurityPolicy,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
  });
  response.end(body);
}

async function contentsOf(view: ReplayView): Promise<ReadonlyMap<string, Content>> {
  const require = createRequire(import.meta.url);
  const bundled = (name: string): Promise<Buffer> =>
    readFile(require.resolve(`asciinema-player/dist/bundle/${name}`));
  const [script, style] = await Promise.all([
    bundled("asciinema-player.min.js"),
    bundled("asciinema-player.css"),
  ]);
  const javascript = "text/javascript; charset=utf-8";
  const css = "text/css; charset=utf-8";
  return new Map<string, Content>([
    ["", { type: "text/html; charset=utf-8", body: replayPage(view) }],
    ["page.js", { type: javascript, body: pageScript }],
    ["page.css", { type: css, body: pageStyle }],
    ["player.js", { type: javascript, body: script }],
    ["player.css", { type: css, body: style }],
    ...view.casts.map(({ cast }, at): [string, Content] => [
      castName(at),
      { type: "application/x-asciicast; charset=utf-8", body: cast },
    ]),
  ]);
}
