import { homedir } from "node:os";
import process from "node:process";
import { clusterConnection } from "../../agent/kubernetes.ts";
import { visible } from "../../base/text.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

/** A context without a secret: kubectl asks `ihc k8s-credential` for the token of the session that runs. */
export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  const target = typed.argument(0);
  const profile = (await context.profile()).name;
  const { server, ca } = await clusterConnection(context.paths, target, profile);
  const { contextName, kubeconfig } = await import("../../protocols/kubernetes/client.ts");
  const entry = {
    name: contextName(target),
    cluster: { server, "certificate-authority": ca },
    user: { exec: plugin(target, profile) },
  };
  if (!typed.flag("merge")) {
    await io.write(kubeconfig(entry));
    return undefined;
  }
  const { mergeKubeconfig, ownKubeconfig } = await import("../../agent/kubeconfig.ts");
  const file = await ownKubeconfig(io.environment(), io.env("HOME") ?? homedir());
  await mergeKubeconfig(file, entry, typed.flag("use"));
  if (context.json) io.json({ v: 1, file, context: entry.name });
  else io.say(`${io.err.green("✓")} context ${visible(entry.name)} in ${visible(file)}`);
  return undefined;
}

/** https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins */
function plugin(target: string, profile: string): object {
  return {
    apiVersion: "client.authentication.k8s.io/v1",
    // This very node: the one on PATH may be too old, and PATH may be another when kubectl runs.
    command: process.execPath,
    args: [process.argv[1] ?? "ihc", "k8s-credential", target, "--profile", profile],
    interactiveMode: "Never",
    provideClusterInfo: false,
    installHint: "ihc is not where it was: run ihc kubeconfig again",
  };
}
