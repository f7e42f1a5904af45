/** Opening and closing quotes of the server's languages; an apostrophe inside of a word is none. */
const quotes = /["«»„“”‹›‚‘`]|(?<![A-Za-z])'|'(?![A-Za-z])/g;
const redacted = "[redacted]";

/**
 * Takes out of a server's message what the client has not said itself: quoted text and words with digits. A quoted value
 * may hold quotes, so everything from the first unknown one to the last quote goes.
 */
export function withoutUnknown(text: string, said: readonly string[]): string {
  const marks = [...text.matchAll(quotes)].map((mark) => mark.index);
  let kept = "";
  let at = 0;
  for (let i = 0; i < marks.length; i += 2) {
    const open = marks[i] ?? 0;
    const close = marks[i + 1];
    kept += withoutNumbers(text.slice(at, open), said);
    if (close === undefined) return `${kept}${redacted}`;
    const inner = text.slice(open + 1, close);
    if (!harmless(inner, said)) {
      const last = marks.at(-1) ?? close;
      return `${kept}"${redacted}"${withoutNumbers(text.slice(last + 1), said)}`;
    }
    kept += text.slice(open, close + 1);
    at = close + 1;
  }
  return kept + withoutNumbers(text.slice(at), said);
}

/** Whether `text` stands in something the client said, as words of its own. */
export function known(text: string, said: readonly string[]): boolean {
  return text !== "" && said.some((one) => stands(text, one));
}

function harmless(text: string, said: readonly string[]): boolean {
  return text === "" || known(text, said) || keywords.has(text);
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

function withoutNumbers(text: string, said: readonly string[]): string {
  return text.replace(/[^\s"()[\]{},;:]*\d[^\s"()[\]{},;]*/g, (word) => {
    const bare = word.replace(/[.:]+$/, "");
    return small.test(bare) || known(bare, said) ? word : redacted + word.slice(bare.length);
  });
}

/** Counts and positions of at most two digits, parameters such as `$1`, and the names of types. */
const small = /^(?:\d{1,2}|\$\d{1,5}|int[248]|float[48]|utf-?8|UTF-?8|UTF16|SQL\/\w+)$/;

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
