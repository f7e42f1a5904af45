/**
 * Field selectors as far as RequestInfoFactory reads them: a list that asks for one `metadata.name` is a request for that
 * name. Terms `field=value`, `field==value` and `field!=value` stand between commas; a backslash escapes `\`, `,` and `=`.
 * https://github.com/kubernetes/apimachinery/blob/master/pkg/fields/selector.go
 */

/** The name that a field selector asks for, if it asks for exactly one; undefined also for what the server would refuse. */
export function selectedName(selector: string): string | undefined {
  let name: string | undefined;
  for (const term of split(selector)) {
    if (term === "") continue;
    const parsed = parse(term);
    if (!parsed) return;
    if (parsed.field === "metadata.name" && parsed.equals) name ??= parsed.value;
  }
  if (name === undefined || name === "" || name === "." || name === ".." || /[/%]/.test(name)) return;
  return name;
}

interface Term {
  readonly field: string;
  readonly equals: boolean;
  readonly value: string;
}

function split(selector: string): readonly string[] {
  return selector.match(/(?:\\[\s\S]|[^\\,])+|(?<=,|^)(?=,|$)/g) ?? [];
}

function parse(term: string): Term | undefined {
  const [, field, sign, raw] = /^((?:\\[\s\S]|[^\\=!]|!(?!=))*)(!=|==|=)([\s\S]*)$/.exec(term) ?? [];
  if (field === undefined || raw === undefined) return;
  const value = unescaped(raw);
  return value === undefined ? undefined : { field, equals: sign !== "!=", value };
}

/** Undefined where the server would complain: a bare `=` or an unknown escape. */
function unescaped(raw: string): string | undefined {
  if (!/^(?:\\[\\,=]|[^\\,=])*$/.test(raw)) return;
  return raw.replace(/\\([\\,=])/g, "$1");
}
