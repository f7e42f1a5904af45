/**
 * Terminal control sequences (ECMA-48): ESC [ parameters final; ESC ] or P X ^ _ and a string that ESC \ or BEL ends; ESC,
 * intermediates and a final. The eight-bit forms (C1) mean the same.
 */
const esc = "\u001b";
const bel = "\u0007";
const csi = `(?:${esc}\\[|\u009b)[0-?]*[ -/]*`;
const longString = `(?:${esc}[\\]PX^_]|[\u0090\u0098\u009d-\u009f])[^${bel}${esc}\u009c]*`;
const short = `${esc}[ -/]*`;

const sequences = new RegExp(
  `${csi}[@-~]|${longString}(?:${bel}|${esc}\\\\|\u009c)|${short}[0-OQ-WYZ\\\\\`-~]`,
  "g",
);
const sequencesAndControls = new RegExp(`${sequences.source}|\\p{Cc}`, "gu");
const controls = /(?![\t\n\r])\p{Cc}/gu;

/** Output of a command as text: control sequences are gone, and what was written over stands on a line of its own. */
export function withoutControls(output: string): string {
  return output
    .replace(sequences, "")
    .replace(/\r+$/, "")
    .replace(/\r+\n?/g, "\n")
    .replace(controls, "");
}

/** Sequences that move the cursor, erase, scroll or colour. Nothing answers them, and a reset ends what they do. */
const drawing: readonly RegExp[] = [
  new RegExp(`^${esc}\\[[0-9;:]*[A-HJKLMPSTXZ@\`abdefmrsu]$`),
  new RegExp(`^${esc}\\[\\?(?:1|5|6|7|12|25|47|1047|1048|1049)[hl]$`),
  new RegExp(`^${esc}(?:[78DEHM=>]|\\([0AB])$`),
  /^[\t\n\r\b]$/,
];
const unfinished = new RegExp(`(?:${csi}|${longString}${esc}?|${short})$`);
const longest = 64 * 1024;

/**
 * Lets pass of a terminal's output what draws on it. What would reach further (titles, the clipboard, links, questions that
 * the terminal answers, reports of keys and mouse) is left out. One value serves one stream: sequences may come in pieces.
 */
export class DrawingOnly {
  #held = "";

  push(piece: string): string {
    const whole = this.#held + piece;
    const cut = unfinished.exec(whole)?.index ?? whole.length;
    // What never ends is no sequence.
    const end = whole.length - cut > longest ? whole.length : cut;
    this.#held = whole.slice(end);
    return whole
      .slice(0, end)
      .replace(sequencesAndControls, (found) => (drawing.some((each) => each.test(found)) ? found : ""));
  }
}
