import type { Protocol } from "../protocol.ts";
import { check } from "./check.ts";
import { clientHelp } from "./client.ts";
import { harden } from "./harden.ts";
import { serve } from "./serve.ts";
import { type PostgresSettings, parseSettings } from "./settings.ts";

export const postgres: Protocol<PostgresSettings> = {
  name: "postgres",
  parseSettings,
  publicSettings: ({ database }) => ({ database }),
  serve,
  check,
  harden,
  clientHelp,
};
