import { readFileSync } from "node:fs";
import { z } from "zod";

/** The package's version. Sources and the built package both lie two folders below package.json. */
export function gatewayVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
