import type { MaskPlan } from "../../core/masking/plan.ts";
import type { Frame } from "./frame.ts";
import { withoutQuotedValues } from "./status-text.ts";
import { slice, textOf } from "./wire/json-reader.ts";

/** The string token from `start` to `end` as the detectors leave it; undefined when they find nothing. */
export function detected(
  plan: MaskPlan,
  bytes: Uint8Array,
  start: number,
  end: number,
  escaped: boolean,
): string | undefined {
  if (escaped) {
    const text = textOf(bytes, start, end).toWellFormed();
    const masked: string = plan.text(text);
    return masked === text ? undefined : JSON.stringify(masked);
  }
  const masked = plan.replaced(bytes, start + 1, end - 1);
  return masked && JSON.stringify(slice(masked, 0, masked.length).toString("utf8"));
}

/** Whether the string may hold a JSON document; space may stand before it, written as an escape perhaps. */
export function mayBeDocument(bytes: Uint8Array, start: number, end: number): boolean {
  const first = bytes[start + 1];
  if (first === 0x7b || first === 0x5b) return true;
  return (first === 0x20 || first === 0x5c) && /^\s*[{[]/.test(textOf(bytes, start, end));
}

/** Whether name and value are a secret only together: `"aws_secret_access_key":"…"`. */
export function isPair(plan: MaskPlan, bytes: Uint8Array, name: Frame, start: number, end: number): boolean {
  return plan
    .find(bytes, name.keyStart + 1, end)
    .some((match) => match.start < name.keyEnd && match.end > start);
}

/** A message that quotes values, as a JSON string without them; undefined when it quotes none. */
export function scrubbedMessage(plan: MaskPlan, text: string): string | undefined {
  const scrubbed = withoutQuotedValues(text);
  return scrubbed === text ? undefined : JSON.stringify(plan.text(scrubbed.toWellFormed()));
}
