import type { OuterAction } from "./facts.ts";
import { constant, fieldsOf, list, type Tree, text } from "./tree.ts";

/** COPY … TO STDOUT as rows.ts must read it; undefined when an option is unknown or the encoding is not UTF-8. */
export function copyOut(fields: Tree): Extract<OuterAction, { kind: "copy-out" }> | undefined {
  const options = optionsOf(fields);
  if ([...options.keys()].some((name) => !known.has(name))) return undefined;
  if (!/^(utf-?8|unicode)$/i.test(options.get("encoding") ?? "utf8")) return undefined;
  const format = options.get("format") ?? "text";
  if (format !== "text" && format !== "csv" && format !== "binary") return undefined;
  const quote = options.get("quote") ?? '"';
  const csv = {
    delimiter: options.get("delimiter") ?? (format === "csv" ? "," : "\t"),
    quote,
    escape: options.get("escape") ?? quote,
    header: /^(true|on|1|match)$/i.test(options.get("header") ?? "false"),
    null: options.get("null") ?? (format === "csv" ? "" : "\\N"),
  };
  return { kind: "copy-out", format, csv };
}

const known: ReadonlySet<string> = new Set([
  "format",
  "delimiter",
  "null",
  "header",
  "quote",
  "escape",
  "force_quote",
  "encoding",
]);

function optionsOf(fields: Tree): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const item of list(fields["options"])) {
    const option = fieldsOf(item, "DefElem") ?? {};
    options.set(text(option["defname"]).toLowerCase(), constant(option["arg"]) ?? "true");
  }
  return options;
}
