/**
 * Validation messages of the API server quote the value that they refuse:
 *
 *   spec.containers[0].env[0].value: Invalid value: "hunter2": must be …, spec.template: Invalid value: core.Pod{…}: field is immutable
 *
 * and its older decoder quotes the bytes around a mistake: `error found in #10 byte of ...|"data":{"p":12|..., bigger context`.
 * https://github.com/kubernetes/apimachinery/blob/master/pkg/util/validation/field/errors.go
 */
const hidden = "[redacted]";

/** The message without the values it quotes. Names and numbers of the request itself stay. */
export function withoutQuotedValues(message: string): string {
  if (!/ value: |\.\.\.\||\{/.test(message)) return message;
  const text = message
    .replace(/\.\.\.\|[\s\S]*?\|\.\.\.(?:, bigger context \.\.\.\|[\s\S]*\|\.\.\.)?/g, `...|${hidden}|...`)
    .replace(/\n\s*[\w.*&[\]]+\{[\s\S]*$/, ` ${hidden}`);
  const parts = text.split(/((?:Invalid|Unsupported|Duplicate) value: )/);
  return parts
    .map((part, at) => (at > 0 && at % 2 === 0 ? afterMark(part, parts[at - 2] ?? "") : part))
    .join("");
}

/** `rest` begins with the value; what `before` ends with names its field. */
function afterMark(rest: string, before: string): string {
  if (/(?:^|[\s[,])(?:metadata\.(?:name|generateName|namespace|labels))\S*: $/.test(before)) return rest;
  const plain = /^(?:-?\d{1,6}|true|false|null)(?=[:,\]]|$)/.exec(rest)?.[0];
  if (plain !== undefined) return rest;
  const quoted = /^"(?:[^"\\]|\\.)*"/s.exec(rest)?.[0];
  if (quoted === '""') return rest;
  if (quoted === undefined) return hidden + detailOf(rest);
  const detail = rest.slice(quoted.length);
  return `"${hidden}"${detail.replaceAll(quoted, `"${hidden}"`)}`;
}

/** Of a value without quotes nobody knows where it ends; what stays are sentences that the server is known to say. */
function detailOf(rest: string): string {
  return (
    /: (?:field is immutable(?: when [\w `]+)?|field is immutable|may not be changed[\w ]*|updates to [\w .,'`[\]*-]+ are forbidden)[,\]\s]*$/.exec(
      rest,
    )?.[0] ?? ""
  );
}
