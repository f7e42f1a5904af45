import { isAbsolute, join, resolve } from "node:path";
import type { Where } from "../agent/listener.ts";
import { portFor, socketName } from "../agent/ports.ts";
import { listRunning } from "../agent/running.ts";
import { IhcError } from "../base/errors.ts";
import type { TargetView } from "../core/api/schema.ts";
import type { Context } from "./context.ts";
import type { Invocation } from "./options.ts";

/** Where to listen: the target's remembered port, or what was asked for. With a command any free port does. */
export async function chooseWhere(
  context: Context,
  typed: Invocation,
  target: TargetView,
  hasChild: boolean,
): Promise<Where> {
  const port = typed.integer("port", 0, 65_535);
  const socket = typed.flag("socket") ? "" : typed.text("socket");
  if (socket !== undefined) return socketAt(context, socket, target);
  if (port !== undefined) return { kind: "port", port };
  if (hasChild) return { kind: "port", port: 0 };
  const { gateway } = await context.profile();
  const fixed = await portFor(context.paths, gateway, target.name);
  const other = (await listRunning(context.paths)).find(
    (entry) => entry.port === fixed && entry.socket === undefined,
  );
  if (other !== undefined)
    throw new IhcError(
      "conflict",
      `${other.target} is connected already, on ${other.address}:${other.port}`,
      {
        hint: `use it, end it with ihc disconnect ${other.target}, or add --port 0 for a second one`,
      },
    );
  return { kind: "port", port: fixed };
}

/** Port 5432 in the name is what libpq looks for when nobody names another. */
function socketAt(context: Context, asked: string, target: TargetView): Where {
  const port = 5432;
  const own = join(context.paths.runtime, "sockets", target.name.replaceAll(/[^A-Za-z0-9._-]/g, "_"));
  const folder = asked === "" ? own : isAbsolute(asked) ? asked : resolve(asked);
  return { kind: "socket", folder, name: socketName(target.protocol, port), port };
}
