/** What the replay page shows. All of it is untrusted text. */
export interface ReplayView {
  readonly title: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** Recordings of terminals, each with a player. */
  readonly casts: readonly { readonly title: string; readonly cast: string }[];
  /** A session that is read rather than watched, as lines; a tone is a class of the page's style. */
  readonly log: readonly { readonly tone: string; readonly text: string }[];
}

/** The page of `ihc replay --web`: no inline script, nothing from another host. */
export function replayPage({ title, facts, casts, log }: ReplayView): string {
  const rows = facts
    .map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`)
    .join("");
  const players = casts.map((cast, at) => player(cast.title, at)).join("");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="player.css">
<link rel="stylesheet" href="page.css">
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<dl>${rows}</dl>
<noscript>This page plays a recording and needs JavaScript. In a terminal: ihc replay</noscript>
${players}${logPart(log)}
<script src="player.js"></script>
<script src="page.js"></script>
</body>
</html>
`;
}

/** The name under which the page asks for its recording of that place. */
export function castName(at: number): string {
  return `recording-${at + 1}.cast`;
}

function player(title: string, at: number): string {
  const head = title === "" ? "" : `<h2>${escapeHtml(title)}</h2>`;
  return `<section>${head}<div class="player" data-cast="${castName(at)}"></div></section>\n`;
}

function logPart(log: ReplayView["log"]): string {
  if (log.length === 0) return "";
  const lines = log.map(({ tone, text }) => `<li class="${escapeHtml(tone)}">${escapeHtml(text)}</li>`);
  return `<section><h2>log</h2><ol class="log">\n${lines.join("\n")}\n</ol></section>`;
}

export const pageScript = `"use strict";
for (const place of document.querySelectorAll(".player"))
  AsciinemaPlayer.create(place.dataset.cast, place, {
    fit: "width", idleTimeLimit: 2, controls: true, terminalFontSize: "medium",
  });
`;

export const pageStyle = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.25rem; }
h2 { font-size: 1rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; }
dt { opacity: .7; }
dd { margin: 0; overflow-wrap: anywhere; }
.log { list-style: none; padding: 0; font: .85rem/1.4 ui-monospace, monospace; }
.log li { white-space: pre-wrap; overflow-wrap: anywhere; padding-left: 2ch; text-indent: -2ch; }
.prompt { font-weight: bold; }
.note { opacity: .7; }
.bad { color: light-dark(#b00020, #ff8a80); }
.good { color: light-dark(#1b6e2d, #8bd49c); }
`;

/**
 * The player's terminal is WebAssembly, which needs 'wasm-unsafe-eval' (it does not allow eval), and it positions itself with
 * style attributes.
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "style-src-attr 'unsafe-inline'",
  "connect-src 'self' data:",
  "font-src 'self' data:",
  "img-src 'self' data:",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(
      /[&<>"'\p{Cc}]/gu,
      (character) => `&#${character.codePointAt(0) === 0 ? 0xfffd : (character.codePointAt(0) ?? 0xfffd)};`,
    );
}
