import { isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import type { ConfigIssue, Problem } from "./issue.ts";

/** A parsed YAML file that knows where its keys stand. */
export interface ConfigDocument {
  readonly value: unknown;
  readonly issues: readonly ConfigIssue[];
  /** Places a problem at the line of its key, or of the nearest key above that is there. */
  place(problem: Problem): ConfigIssue;
}

const largest = 1024 * 1024;

/** Parses YAML 1.2. Its complaints are told by kind and line only, because their texts quote the file, secrets included. */
export function configDocument(file: string, text: string): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text.length > largest ? "" : text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: "silent",
  });
  const issues = [...document.errors, ...document.warnings].map((error): ConfigIssue => {
    const message = `not valid YAML: ${error.code.toLowerCase().replaceAll("_", " ")}`;
    return {
      file,
      line: lines.linePos(error.pos[0]).line,
      path: "",
      message,
      hint: "check quotes and indentation",
    };
  });
  if (text.length > largest)
    issues.push({
      file,
      line: 1,
      path: "",
      message: "the file is larger than 1 MiB",
      hint: "it should not be",
    });
  const place = ({ path, message, hint }: Problem): ConfigIssue => {
    const offset = offsetOf(document.contents, path);
    const line = Math.max(1, lines.linePos(offset).line);
    return {
      file,
      line,
      path: path.join("."),
      message,
      hint: hint ?? "see the commented file that ihc gateway init writes",
    };
  };
  return { value: issues.length > 0 ? undefined : toValue(document, issues, file), issues, place };
}

/** Aliases that expand without end are the one thing that fails here. */
function toValue(document: ReturnType<typeof parseDocument>, issues: ConfigIssue[], file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 50 });
  } catch {
    issues.push({
      file,
      line: 1,
      path: "",
      message: "the aliases cannot be resolved",
      hint: "write the values out",
    });
    return undefined;
  }
}

function offsetOf(contents: Node | null, path: readonly (string | number)[]): number {
  let node: unknown = contents;
  let offset = 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (!pair) break;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isNode(node) && "items" in node && Array.isArray(node.items)) {
      node = node.items[Number(key)];
      offset = startOf(node) ?? offset;
    } else break;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
