/**
 * Characters that a terminal obeys or that change how neighbours are shown: C0, DEL, C1, bidirectional controls,
 * zero-width and other format characters, line and paragraph separators, tags.
 */
const unsafe =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** Untrusted text made fit for a terminal: whatever could steer it is shown as an escape such as `\u202e`. */
export function visible(text: string): string {
  return text.toWellFormed().replace(unsafe, escape);
}

/** As `visible`, but line breaks and tabs stay, for statements that are shown over several lines. */
export function visibleLines(text: string): string {
  return text.toWellFormed().replace(unsafe, (c) => (c === "\n" || c === "\t" ? c : escape(c)));
}

/** Whether `visible` would change anything besides line breaks and tabs. */
export function hasHidden(text: string): boolean {
  return visibleLines(text) !== text;
}

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === 10) return "\\n";
  if (code === 13) return "\\r";
  if (code === 9) return "\\t";
  const hex = code.toString(16);
  return code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, "0")}`;
}
