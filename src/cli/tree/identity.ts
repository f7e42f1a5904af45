import type { Command } from "commander";
import { examples, type Finish } from "./define.ts";

const group = "You:";

export function addIdentity(program: Command, finish: Finish): void {
  const login = program
    .command("login")
    .helpGroup(group)
    .description("log in to a gateway with your organisation's identity provider")
    .option("--browser", "log in through a browser on this machine instead of a one-time code")
    .option("--insecure-storage", "keep the sealing key in a file where there is no keychain")
    .option("--ca <file>", "PEM of the private certificate authority that signed the gateway's certificate")
    .option("--name <profile>", "name of the profile (default: the gateway's host)");
  finish(
    examples(login, "ihc login --gateway https://ihc.acme.io", "ihc login --browser"),
    () => import("../commands/login.ts"),
  );
  finish(
    program.command("logout").helpGroup(group).description("revoke the tokens and forget the login"),
    () => import("../commands/logout.ts"),
  );
  finish(
    program
      .command("whoami")
      .helpGroup(group)
      .description("show who the gateway takes you for, and your groups"),
    () => import("../commands/whoami.ts"),
  );
  const profile = program.command("profile").helpGroup(group).description("gateways you use");
  finish(profile.command("list").description("list them"), () => import("../commands/profile-list.ts"));
  finish(
    profile.command("use").description("make one the default").argument("<name>", "profile"),
    () => import("../commands/profile-use.ts"),
  );
  finish(
    profile.command("remove").description("forget one; log out first").argument("<name>", "profile"),
    () => import("../commands/profile-remove.ts"),
  );
}
