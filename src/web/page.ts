/** What the replay page shows around the player. All of it is untrusted text. */
export interface ReplayTitle {
  readonly title: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
}

/** The page of `ihc replay --web`: no inline script, nothing from another host. */
export function replayPage({ title, facts }: ReplayTitle): string {
  const rows = facts
    .map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`)
    .join("");
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
<div id="player"></div>
<noscript>This page plays a recording and needs JavaScript. In a terminal: ihc replay</noscript>
<script src="player.js"></script>
<script src="page.js"></script>
</body>
</html>
`;
}

export const pageScript = `"use strict";
AsciinemaPlayer.create("recording.cast", document.getElementById("player"), {
  fit: "width", idleTimeLimit: 2, controls: true, terminalFontSize: "medium",
});
`;

export const pageStyle = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.25rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; }
dt { opacity: .7; }
dd { margin: 0; overflow-wrap: anywhere; }
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
