import { rejects } from "node:assert/strict";
import { IhcError } from "../base/errors.ts";
import { ihcAs, logInAs, reviewAs, succeeds } from "./cast.ts";
import type { Running } from "./run.ts";
import { ask, type Client, clientOf, ownersView, reachable } from "./sql.ts";
import type { Stage } from "./stage.ts";

/** What the steps of the story hand on to each other. */
export interface Play {
  readonly stage: Stage;
  readonly searchPath: string;
  readonly show: (person: string, typed: string, output: string) => void;
  /** What must be stopped when the story ends early. */
  readonly ends: (() => Promise<void>)[];
  readonly found: { connect?: Running; client?: Client; session?: string };
}

export interface Step {
  readonly title: string;
  readonly act: (play: Play) => Promise<void>;
}

/** Section 1 of the product's story, in order; each step throws when the outcome is not the one told. */
export const steps: readonly Step[] = [
  { title: "everybody logs in with a one-time code", act: everybodyLogsIn },
  { title: "ana asks for access; nobody approves their own request; lee approves", act: anaConnects },
  { title: "personal data is masked", act: masked },
  { title: "a write waits for a second person, who sees exactly that statement", act: heldWrite },
  { title: "a DELETE without WHERE is refused, and the connection stays usable", act: refusedDelete },
  { title: "ana is done", act: anaLeaves },
  { title: "sam replays the session and verifies the audit log", act: samLooks },
];

async function everybodyLogsIn({ stage, show }: Play): Promise<void> {
  for (const person of ["ana", "lee", "sam"]) {
    const login = await logInAs(stage, person);
    show(person, `ihc login --gateway ${stage.gateway}`, login.output());
    expect(login.output(), new RegExp(`Logged in as ${person}@acme\\.io`));
  }
  const whoami = await succeeds(ihcAs(stage, "ana", ["whoami"]));
  show("ana", "ihc whoami", whoami);
  expect(whoami, /oncall, sre/);
}

async function anaConnects(play: Play): Promise<void> {
  const { stage, show } = play;
  const reason = "INC-4021 orders stuck";
  const connect = ihcAs(stage, "ana", ["connect", "prod-db", "--reason", reason, "--for", "1h"]);
  play.ends.push(() => connect.end("SIGINT"));
  play.found.connect = connect;
  const [request] = await connect.until(/req_[0-9A-Z]+/);
  const own = await reviewAs(stage, "ana", request);
  const refused = await own.ended();
  show("ana", `ihc approve ${request}`, own.output());
  if (refused !== 3) throw unlike(`approving one's own request ended with ${refused} instead of 3`);
  const approve = await reviewAs(stage, "lee", request);
  await succeeds(approve);
  show("lee", `ihc approve ${request}`, approve.output());
  const [, session = ""] = await connect.until(/(ses_[0-9A-Z]+)/);
  await connect.until(/127\.0\.0\.1:\d+/);
  play.found.session = session;
  show("ana", `ihc connect prod-db --reason "${reason}" --for 1h`, connect.output());
  expect(connect.output(), /approved by lee@acme\.io/);
  play.found.client = await clientOf(stage, "ana", play.searchPath);
}

async function masked({ show, found }: Play): Promise<void> {
  const sql = "select id, email, total from customers where id = 7";
  const { output } = await ask(theClient(found.client), sql).done;
  show("ana", `psql> ${sql}`, output);
  expect(output, /a\*\*\*@\*\*\*\.io/);
  expect(output, /129\.00/);
  if (/amelie|laforge/i.test(output)) throw unlike("the address is shown");
}

async function heldWrite({ stage, show, found }: Play): Promise<void> {
  const sql = "update orders set status = 'retry' where id = 4711";
  const asked = ask(theClient(found.client), sql);
  const [request] = await asked.until(/req_[0-9A-Z]+/);
  if ((await ownersView(stage.shop, "select status from orders where id = 4711")) !== "stuck")
    throw unlike("the row changed before anybody approved");
  const shown = await succeeds(ihcAs(stage, "lee", ["requests", request]));
  show("lee", `ihc requests ${request}`, shown);
  if (!shown.includes(sql)) throw unlike("the reviewer does not see the statement");
  const approve = await reviewAs(stage, "lee", request);
  await succeeds(approve);
  show("lee", `ihc approve ${request}`, approve.output());
  const { output } = await asked.done;
  show("ana", `psql> ${sql}`, output);
  expect(output, /UPDATE 1/);
  if ((await ownersView(stage.shop, "select status from orders where id = 4711")) !== "retry")
    throw unlike("the approved statement did not run");
}

async function refusedDelete({ stage, show, found }: Play): Promise<void> {
  const client = theClient(found.client);
  const before = await ownersView(stage.shop, "select count(*) from orders");
  const { output } = await ask(client, "delete from orders").done;
  show("ana", "psql> delete from orders", output);
  expect(output, /denied by rule no-unbounded-delete: [\s\S]*without WHERE/);
  expect(output, /HINT: {2}narrow the statement/);
  if ((await ownersView(stage.shop, "select count(*) from orders")) !== before) throw unlike("rows are gone");
  const after = await ask(client, "select status from orders where id = 4711").done;
  show("ana", "psql> select status from orders where id = 4711", after.output);
  expect(after.output, /retry/);
}

async function anaLeaves({ stage, show, found }: Play): Promise<void> {
  const client = theClient(found.client);
  await found.connect?.end("SIGINT");
  show("ana", "^C", found.connect?.output().split("\n").slice(-3).join("\n") ?? "");
  await rejects(reachable(client), "the local port still answers");
  show("ana", "ihc logout", await succeeds(ihcAs(stage, "ana", ["logout"])));
}

async function samLooks({ stage, show, found }: Play): Promise<void> {
  const session = found.session ?? "";
  const replay = await succeeds(ihcAs(stage, "sam", ["replay", session, "--format", "text"]));
  show("sam", `ihc replay ${session}`, replay);
  for (const told of [/a\*\*\*@\*\*\*\.io/, /lee@acme\.io/, /no-unbounded-delete/, /status = 'retry'/])
    expect(replay, told);
  if (/amelie|laforge\.io/i.test(replay)) throw unlike("the recording holds personal data");
  const verify = await succeeds(ihcAs(stage, "sam", ["audit", "verify"]));
  show("sam", "ihc audit verify", verify);
}

function expect(output: string, pattern: RegExp): void {
  if (!pattern.test(output)) throw unlike(`there is no ${pattern} in: ${output.trim()}`);
}

function theClient(client: Client | undefined): Client {
  if (client === undefined) throw unlike("nobody is connected");
  return client;
}

function unlike(what: string): IhcError {
  return new IhcError("unavailable", what);
}
