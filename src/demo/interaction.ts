import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import type { Provider } from "oidc-provider";
import { escapeHtml, page } from "./pages.ts";
import type { Person } from "./people.ts";

/**
 * Answers oidc-provider's prompts at `/interaction/<uid>`: a page with one button per person instead of a password, and
 * consent without a question, since the only client is ihc itself.
 */
export async function interact(
  provider: Provider,
  people: readonly Person[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const details = await provider.interactionDetails(request, response);
  if (details.prompt.name === "consent") {
    const grant = new provider.Grant({
      accountId: String(details.session?.accountId),
      clientId: String(details.params["client_id"]),
    });
    grant.addOIDCScope(String(details.params["scope"] ?? "openid"));
    const grantId = await grant.save();
    await provider.interactionFinished(
      request,
      response,
      { consent: { grantId } },
      { mergeWithLastSubmission: true },
    );
    return;
  }
  if (request.method !== "POST") {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(page("Who are you?", people.map((person) => personForm(details.uid, person)).join("")));
    return;
  }
  const accountId = new URLSearchParams(await text(request)).get("person") ?? "";
  if (!people.some((person) => person.id === accountId)) {
    response.writeHead(400).end("nobody of that name");
    return;
  }
  await provider.interactionFinished(request, response, { login: { accountId, amr: ["pwd", "hwk"] } });
}

function personForm(uid: string, person: Person): string {
  return `<form method="post" action="/interaction/${escapeHtml(uid)}"><input type="hidden" name="person" value="${escapeHtml(person.id)}"><button>${escapeHtml(person.email)} (${escapeHtml(person.title)})</button></form>`;
}
