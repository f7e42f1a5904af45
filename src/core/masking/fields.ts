import { IhcError } from "../../base/errors.ts";
import { like } from "./like.ts";
import type { How, MaskingRule } from "./rule.ts";

/** A field rule's path, compiled. */
export interface FieldPattern {
  /** Segments in lower case; `**` stands for any number of them. */
  readonly segments: readonly string[];
  readonly how: How;
  /** As it was written, for the recording. */
  readonly text: string;
}

/** Field and environment rules as questions. The first rule that names something wins. */
export interface FieldMasks {
  /** Patterns for documents of that resource. Without a group, a rule is for the resource of every group. */
  fields(resource: string, group: string): readonly FieldPattern[];
  /** Patterns for a resource of that name in any group, for documents of which only the kind is known. */
  fieldsOfAny(resource: string): readonly FieldPattern[];
  /** How the variable's value is replaced. Rules for variables take the place of the protocol's defaults. */
  env(name: string): How | undefined;
  readonly hasFields: boolean;
  /** Undefined when no rule speaks of variables. */
  readonly envPatterns: readonly string[] | undefined;
}

const remembered = 4096;

export function compileFields(rules: readonly MaskingRule[]): FieldMasks {
  const all = rules.flatMap((rule) =>
    "fields" in rule ? rule.fields.map((text) => ({ ...parseField(text), how: rule.how, text })) : [],
  );
  const env = rules.flatMap((rule) =>
    "env" in rule ? rule.env.map((name) => ({ name: name.toLowerCase(), how: rule.how })) : [],
  );
  const known = new Map<string, How | undefined>();
  return {
    hasFields: all.length > 0,
    envPatterns: rules.some((rule) => "env" in rule) ? env.map(({ name }) => name) : undefined,
    fields: (resource, group) =>
      all.filter(
        (one) => like(one.resource, resource) && (one.group === undefined || like(one.group, group)),
      ),
    fieldsOfAny: (resource) => all.filter((one) => like(one.resource, resource)),
    env: (name) => {
      if (known.has(name)) return known.get(name);
      const how = env.find((one) => like(one.name, name))?.how;
      if (known.size < remembered) known.set(name, how);
      return how;
    },
  };
}

export interface FieldName {
  readonly resource: string;
  /** Undefined for any; the empty text for the core group, written with a dot and nothing behind it. */
  readonly group: string | undefined;
  readonly segments: readonly string[];
}

/** Reads `resource[.group]/segment/…`; `~1` is a slash and `~0` a tilde inside a segment (RFC 6901). */
export function parseField(text: string): FieldName {
  const [, resource, group, path] = /^([a-z0-9*-]+)(?:\.([a-z0-9.*-]*))?((?:\/[^/]+)+)$/i.exec(text) ?? [];
  const segments = path?.slice(1).split("/") ?? [];
  if (resource === undefined || segments.some((one) => /~(?![01])|\*{3}|\*\*.|.\*\*/.test(one)))
    throw new IhcError("config", `not a field pattern: ${text}`, {
      hint: "write resource/path, with * for any run of characters and ** for any segments, such as configmaps/data/DB_*",
    });
  return {
    resource: resource.toLowerCase(),
    group: group?.toLowerCase(),
    segments: segments.map((one) => one.replaceAll("~1", "/").replaceAll("~0", "~").toLowerCase()),
  };
}
