import type { MaskPlan } from "../../core/masking/plan.ts";
import type { Frame } from "./frame.ts";
import { textOf } from "./wire/json-reader.ts";

const most = 200;
const longest = 256;

/** Which fields of an answer were masked, each once and at most so many: `data/password`, `env/DB_PASSWORD`, a path. */
export class MaskedFields {
  readonly #plan: Pick<MaskPlan, "text">;
  readonly #names = new Set<string>();
  readonly #shown = new Set<string>();

  constructor(plan: Pick<MaskPlan, "text">) {
    this.#plan = plan;
  }

  /** A name may hold what detectors look for, so that it is masked itself. */
  note(field: string): void {
    if (this.#names.has(field) || this.#names.size >= most) return;
    this.#names.add(field);
    this.#shown.add(this.#plan.text(field.toWellFormed()).slice(0, longest));
  }

  all(): readonly string[] {
    return [...this.#shown];
  }
}

/** Where in the object the member is that is being read, with `*` for elements. */
export function pathOf(frames: readonly Frame[], depth: number, bytes: Uint8Array): string {
  const parts: string[] = [];
  for (const frame of frames.slice(0, depth))
    if (frame.array) parts.push("*");
    else if (frame.keyEnd > frame.start)
      parts.push(textOf(bytes, frame.keyStart, frame.keyEnd).slice(0, 128));
  return parts.join("/");
}
