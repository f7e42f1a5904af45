import { IhcError } from "./errors.ts";

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `90s`, `30m`, `1h30m`, `2d` as milliseconds; anything else, zero included, is refused. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d{1,6})([smhd])/gy)];
  const whole = parts.map(([part]) => part).join("");
  const ms = parts.reduce((sum, [, n = "", unit = ""]) => sum + Number(n) * (units[unit] ?? Number.NaN), 0);
  if (whole !== text || !Number.isSafeInteger(ms) || ms <= 0)
    throw new IhcError("invalid", "not a duration", { hint: "write it like 90s, 30m, 1h30m or 2d" });
  return ms;
}

/** Writes milliseconds the way parseDuration reads them, rounded to seconds: `1h30m`. */
export function formatDuration(ms: number): string {
  let seconds = Math.max(0, Math.round(ms / 1000));
  let text = "";
  for (const [unit, size] of [
    ["d", 86_400],
    ["h", 3600],
    ["m", 60],
  ] as const) {
    if (seconds >= size) text += `${Math.floor(seconds / size)}${unit}`;
    seconds %= size;
  }
  return seconds > 0 || text === "" ? `${text}${seconds}s` : text;
}
