import type { Json } from "../../base/json.ts";
import type { MaskPlan } from "../masking/plan.ts";
import type { Masked } from "../masking/rule.ts";
import { type Attributes, attributeNames, type Operation } from "./operation.ts";

/** The texts of an operation as journal and audit log may hold them: a literal can be somebody's e-mail address. */
export interface MaskedOperation {
  readonly text: Masked<string>;
  readonly parameters: readonly Masked<string>[];
  readonly attributes?: Attributes;
}

const kept = 128;
const longest = 4096;

/** Masks operations; remembers the last short texts, because clients repeat their statements. */
export function operationMasker(masks: Pick<MaskPlan, "text">): (op: Operation) => MaskedOperation {
  const texts = new Map<string, Masked<string>>();
  const text = (raw: string): Masked<string> => {
    const known = texts.get(raw);
    if (known !== undefined) return known;
    const masked = masks.text(raw.toWellFormed());
    if (raw.length > longest) return masked;
    const oldest = texts.size >= kept ? texts.keys().next().value : undefined;
    if (oldest !== undefined) texts.delete(oldest);
    texts.set(raw, masked);
    return masked;
  };
  return ({ shown, ...op }) => ({
    text: text(shown?.text ?? op.text),
    parameters: (shown?.parameters ?? op.parameters).map((parameter) =>
      masks.text(asText(parameter).toWellFormed()),
    ),
    ...(op.attributes ? { attributes: maskedAttributes(op.attributes, text) } : {}),
  });
}

function asText(parameter: Json): string {
  return typeof parameter === "string" ? parameter : JSON.stringify(parameter);
}

/** A command line can hold a password as well as a statement can. */
function maskedAttributes(attributes: Attributes, mask: (text: string) => Masked<string>): Attributes {
  const texts = attributeNames.flatMap((name) => {
    const value = attributes[name];
    return value === undefined ? [] : [[name, mask(value)]];
  });
  const { programs } = attributes;
  return { ...Object.fromEntries(texts), ...(programs ? { programs: programs.map(mask) } : {}) };
}
