import type { HttpBindings } from "@hono/node-server";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { IhcError } from "../../base/errors.ts";
import type { Verified } from "../identity/verify.ts";
import type { InForce } from "../in-force.ts";
import { type Visibility, visibilityOf } from "../visibility.ts";

export type Env = { Bindings: HttpBindings; Variables: { requestId: string; who: Verified } };
export type App = OpenAPIHono<Env>;

/** An app whose inputs are refused, as problems, by the first thing that is wrong with them. */
export function newApp(): App {
  return new OpenAPIHono<Env>({
    strict: true,
    defaultHook: (result) => {
      if (result.success) return;
      const [issue] = result.error.issues;
      const where = issue?.path.map(String).join(".") ?? "";
      throw new IhcError("invalid", `${where === "" ? "the request" : where}: ${lower(issue?.message)}`);
    },
  });
}

/** Who calls, and what they may see. */
export function callerOf(c: Context<Env>, inForce: InForce): { who: Verified; sees: Visibility } {
  const who = c.get("who");
  return { who, sees: visibilityOf(who.principal, inForce.oversight) };
}

function lower(message = "not acceptable"): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
