/**
 * Characters that a terminal obeys or that change how neighbours are shown: control (C0, DEL, C1), format (bidirectional
 * controls, zero-width, tags) and the line and paragraph separators.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Untrusted text made fit for a terminal: whatever could steer it is shown as an escape such as `\u202e`. */
export function visible(text: string): string {
  return text.toWellFormed().replace(unsafe, escaped);
}

/** As `visible`, but line breaks and tabs stay, for statements that are shown over several lines. */
export function visibleLines(text: string): string {
  return text.toWellFormed().replace(unsafe, (c) => (c === "\n" || c === "\t" ? c : escaped(c)));
}

/** JSON on one line that steers no terminal either: what `visible` would show as an escape is one, as JSON writes it. */
export function visibleJson(value: object): string {
  return JSON.stringify(value).replace(unsafe, (c) => {
    const units = Array.from({ length: c.length }, (_, at) => c.charCodeAt(at));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  });
}

/** Whether `visible` would change anything besides line breaks and tabs. */
export function hasHidden(text: string): boolean {
  return visibleLines(text) !== text;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === 10) return "\\n";
  if (code === 13) return "\\r";
  if (code === 9) return "\\t";
  const hex = code.toString(16);
  return code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, "0")}`;
}
