/** Opening and closing quotes of the server's languages; an apostrophe inside of a word is none. */
const quotes = /["«»„“”‹›‚‘`]|(?<![A-Za-z])'|'(?![A-Za-z])/g;
const redacted = "[redacted]";

/**
 * Takes out of a server's message what the client has not said itself: quoted text, and words that hold digits or signs
 * as data does and the server's prose does not. A quoted value may hold quotes, so everything from the first unknown one
 * to the last quote goes.
 */
export function withoutUnknown(text: string, said: readonly string[]): string {
  const marks = [...text.matchAll(quotes)].map((mark) => mark.index);
  let kept = "";
  let at = 0;
  for (let i = 0; i < marks.length; i += 2) {
    const open = marks[i] ?? 0;
    const close = marks[i + 1];
    kept += withoutOdd(text.slice(at, open), said);
    if (close === undefined) return `${kept}${redacted}`;
    const inner = text.slice(open + 1, close);
    if (!harmless(inner, said)) {
      const last = marks.at(-1) ?? close;
      return `${kept}"${redacted}"${withoutOdd(text.slice(last + 1), said)}`;
    }
    kept += text.slice(open, close + 1);
    at = close + 1;
  }
  return kept + withoutOdd(text.slice(at), said);
}

/** Whether `text` stands in something the client said, as words of its own. */
export function known(text: string, said: readonly string[]): boolean {
  return text !== "" && said.some((one) => stands(text, one));
}

/** A name counts part by part: `orders.id` where the client wrote both. */
function harmless(text: string, said: readonly string[]): boolean {
  return (
    text.split(".").every((part) => part === "" || known(part, said)) ||
    known(text, said) ||
    keywords.has(text)
  );
}

/** What the server quotes of its own: types, operators and parameters that it names in common errors. */
const keywords: ReadonlySet<string> = new Set([
  "$1",
  "search_path",
  "statement_timeout",
  "lock_timeout",
  "default_transaction_read_only",
  "transaction_read_only",
]);

function withoutOdd(text: string, said: readonly string[]): string {
  return text.replace(/[^\s"()[\]{},;:]+/g, (word) => {
    const bare = word.replace(/[.]+$/, "");
    return prose.test(bare) || harmless(bare, said) ? word : redacted + word.slice(bare.length);
  });
}

/** Words, counts and positions of at most two digits, parameters such as `$1`, and the names of types. */
const prose =
  /^(?:[A-Za-z_'/-]*|\d{1,2}|\$\d{1,5}|int[248]|float[48]|UTF-?8|UTF16|multi-\w+|[=<>|&!*+-]{1,3})$/i;

function stands(text: string, said: string): boolean {
  for (let at = said.indexOf(text); at >= 0; at = said.indexOf(text, at + 1)) {
    const before = said[at - 1] ?? " ";
    const after = said[at + text.length] ?? " ";
    if (!isWord(before, text[0]) && !isWord(after, text.at(-1))) return true;
  }
  return false;
}

/** Whether two neighbours belong to one word, so that a border between them is none. */
function isWord(a: string, b: string | undefined): boolean {
  const word = /[\p{L}\p{N}_]/u;
  return word.test(a) && b !== undefined && word.test(b);
}
