/** A parse tree as libpg-query gives it: an object with one capitalised key is a node, any other a plain struct. */
export type Tree = { readonly [key: string]: unknown };

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The type and the fields of a node, or nothing when the value is a plain struct. */
export function nodeOf(value: unknown): { readonly type: string; readonly fields: Tree } | undefined {
  if (!isTree(value)) return undefined;
  const keys = Object.keys(value);
  const [type] = keys;
  if (type === undefined || keys.length !== 1 || !/^[A-Z]/.test(type)) return undefined;
  const fields = value[type];
  return { type, fields: isTree(fields) ? fields : {} };
}

/** The fields of a node if it is of that type. */
export function fieldsOf(value: unknown, type: string): Tree | undefined {
  const node = nodeOf(value);
  return node?.type === type ? node.fields : undefined;
}

export function tree(value: unknown): Tree | undefined {
  return isTree(value) ? value : undefined;
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The strings of a list of `String` nodes; other members, such as `*`, are left out. */
export function strings(value: unknown): string[] {
  return list(value).flatMap((item) => {
    const string = fieldsOf(item, "String");
    return string === undefined ? [] : [text(string["sval"])];
  });
}

/** A constant as text: numbers, strings, booleans; `undefined` for anything that is not a constant. */
export function constant(value: unknown): string | undefined {
  const node = nodeOf(value);
  if (node === undefined) return undefined;
  if (node.type === "TypeCast") return constant(node.fields["arg"]);
  if (node.type === "String") return text(node.fields["sval"]);
  if (node.type === "Integer") return String(node.fields["ival"] ?? 0);
  if (node.type === "Float") return text(node.fields["fval"]);
  if (node.type === "Boolean") return String(node.fields["boolval"] ?? false);
  if (node.type !== "A_Const") return undefined;
  return unwrapped(node.fields);
}

function unwrapped(fields: Tree): string | undefined {
  if (fields["isnull"] === true) return "null";
  const sval = tree(fields["sval"]);
  if (sval) return text(sval["sval"]);
  const ival = tree(fields["ival"]);
  if (ival) return String(ival["ival"] ?? 0);
  const fval = tree(fields["fval"]);
  if (fval) return text(fval["fval"]);
  const boolval = tree(fields["boolval"]);
  if (boolval) return String(boolval["boolval"] ?? false);
  const bsval = tree(fields["bsval"]);
  return bsval ? text(bsval["bsval"]) : undefined;
}
