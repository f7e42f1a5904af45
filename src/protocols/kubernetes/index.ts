import type { Protocol } from "../protocol.ts";
import { check } from "./check.ts";
import { clientHelp } from "./client.ts";
import type { SessionState } from "./exchange.ts";
import { harden } from "./harden.ts";
import { prepare } from "./prepare.ts";
import { serve } from "./serve.ts";
import { type KubernetesSettings, parseSettings } from "./settings.ts";

export const kubernetes: Protocol<KubernetesSettings, SessionState> = {
  name: "kubernetes",
  maskable: "fields",
  parseSettings,
  publicSettings: ({ namespace }) => (namespace === undefined ? {} : { namespace }),
  prepare,
  serve,
  check,
  harden,
  clientHelp,
};
