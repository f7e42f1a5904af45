import type { FieldPattern } from "../../core/masking/fields.ts";
import { like } from "../../core/masking/like.ts";
import type { How } from "../../core/masking/rule.ts";
import { leavesOf, membersOf } from "./wire/json-leaves.ts";

/** A leaf that a field rule names. */
export interface Ruled {
  readonly start: number;
  readonly end: number;
  readonly how: How;
  /** The rule as it was written, for the recording. */
  readonly rule: string;
}

interface State {
  readonly pattern: FieldPattern;
  readonly index: number;
}

/** Every leaf of the object from `start` to `end` that a pattern names, or that lies below what it names. */
export function ruledLeaves(
  bytes: Uint8Array,
  start: number,
  end: number,
  patterns: readonly FieldPattern[],
): readonly Ruled[] {
  if (patterns.length === 0) return [];
  const found: Ruled[] = [];
  const visit = (from: number, to: number, states: readonly State[]): void => {
    const ending = states.find(({ pattern, index }) => index === pattern.segments.length);
    if (ending) {
      const { how, text } = ending.pattern;
      for (const leaf of leavesOf(bytes, from, to))
        found.push({ start: leaf.start, end: leaf.end, how, rule: text });
      return;
    }
    for (const member of membersOf(bytes, from, to)) {
      const next = states.flatMap((state) => advance(state, member.key));
      if (next.length > 0) visit(member.start, member.end, closed(next));
    }
  };
  visit(start, end, closed(patterns.map((pattern) => ({ pattern, index: 0 }))));
  return found;
}

function advance(state: State, key: string): readonly State[] {
  const segment = state.pattern.segments[state.index];
  if (segment === undefined) return [];
  if (segment === "**") return [state];
  return like(segment, key) ? [{ pattern: state.pattern, index: state.index + 1 }] : [];
}

/** `**` stands for no segment too, except at the end, where it stands for everything below. */
function closed(states: readonly State[]): readonly State[] {
  return states.flatMap((state): readonly State[] => {
    const { pattern, index } = state;
    return pattern.segments[index] === "**" ? [state, ...closed([{ pattern, index: index + 1 }])] : [state];
  });
}
