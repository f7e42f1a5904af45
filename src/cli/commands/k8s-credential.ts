import { z } from "zod";
import { clusterConnection, clusterToken } from "../../agent/kubernetes.ts";
import { IhcError } from "../../base/errors.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

const info = z.looseObject({ apiVersion: z.string() });
const spoken = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/** A client-go credential plugin: prints the token of the session that runs, for kubectl to read. */
export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  if (io.terminal)
    throw new IhcError("usage", "this prints a secret, for kubectl to read", {
      hint: `run ihc kubeconfig ${typed.argument(0)} --merge, then use kubectl`,
    });
  const connection = await clusterConnection(context.paths, typed.argument(0), typed.text("profile"));
  const token = await clusterToken(connection);
  const status = { token, expirationTimestamp: connection.running.expiration };
  await io.write(
    `${JSON.stringify({ apiVersion: asked(io.env("KUBERNETES_EXEC_INFO")), kind: "ExecCredential", status })}\n`,
  );
  return undefined;
}

/** The version that the client asks for; it refuses another. */
function asked(text: string | undefined): string {
  const parsed = info.safeParse(json(text ?? ""));
  const version = parsed.success ? parsed.data.apiVersion : undefined;
  return spoken.find((one) => one === version) ?? "client.authentication.k8s.io/v1";
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
