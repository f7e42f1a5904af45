import { IhcError } from "../base/errors.ts";

/**
 * Does in the demo provider's pages what a person does in a browser: opens `url` (a device verification address with its
 * code, or an authorization request), confirms, and picks `person`. Ends when a page asks nothing more, which for the
 * authorization code flow is the local agent's own callback page.
 */
export async function signIn(url: string, person: string, signal?: AbortSignal): Promise<void> {
  const cookies = new Map<string, string>();
  let next: Step = { url: new URL(url) };
  for (let step = 0; step < 20; step += 1) {
    const response = await fetch(next.url, {
      method: next.form === undefined ? "GET" : "POST",
      redirect: "manual",
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
      ...(next.form === undefined ? {} : { body: next.form }),
      signal: signal ?? AbortSignal.timeout(15_000),
    });
    keepCookies(response, cookies);
    const location = response.headers.get("location");
    const body = await response.text();
    if (response.status >= 400)
      throw new IhcError(
        "unavailable",
        `the identity provider answered ${response.status}: ${body.slice(0, 200)}`,
      );
    const following: Step | undefined =
      location === null ? formOf(body, next.url, person) : { url: new URL(location, next.url) };
    if (following === undefined) return;
    next = following;
  }
  throw new IhcError("unavailable", "the sign-in pages lead nowhere");
}

interface Step {
  readonly url: URL;
  readonly form?: URLSearchParams;
}

/** The page's form, filled in; on the page that lists people, the person's own. */
function formOf(html: string, base: URL, person: string): Step | undefined {
  const forms = [...html.matchAll(/<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)].map(
    ([, action = "", inner = ""]) => ({
      url: new URL(action, base),
      form: new URLSearchParams(fields(inner)),
    }),
  );
  return (
    forms.find(({ form }) => form.get("person") === person) ?? forms.find(({ form }) => !form.has("person"))
  );
}

function fields(html: string): [string, string][] {
  const inputs = html.matchAll(/<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"/g);
  return [...inputs].map(([, name = "", value = ""]) => [name, value]);
}

function keepCookies(response: Response, cookies: Map<string, string>): void {
  for (const line of response.headers.getSetCookie()) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (value === "") cookies.delete(name);
    else cookies.set(name, value);
  }
}
