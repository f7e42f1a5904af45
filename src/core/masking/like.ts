/** Wildcard match without regard to case; `pattern` is in lower case. Never worse than pattern times name. */
export function like(pattern: string, name: string): boolean {
  if (pattern === "*") return true;
  const pieces = pattern.split("*");
  const text = name.toLowerCase();
  const [head = "", ...rest] = pieces;
  if (!text.startsWith(head)) return false;
  const tail = rest.pop();
  if (tail === undefined) return text === head;
  let at = head.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return text.length - tail.length >= at && text.endsWith(tail);
}
