import type { KoaContextWithOIDC } from "oidc-provider";

/** The demo provider's few pages. `form` comes from oidc-provider and is markup already. */
export function inputPage(ctx: KoaContextWithOIDC, form: string, _out?: unknown, error?: Error): void {
  const notice =
    error === undefined ? "Enter the code that ihc shows." : "That code cannot be used. Look again.";
  ctx.body = page("Sign in to ihc", `<p>${notice}</p>${form}${button("op.deviceInputForm", "Continue")}`);
}

export function confirmPage(
  ctx: KoaContextWithOIDC,
  form: string,
  client: unknown,
  device: unknown,
  userCode: string,
): void {
  const asking = `${named(client, "clientName")} asks, from ${named(device, "ip")}.`;
  const warning = "Continue only if you started this login yourself and your terminal shows this code.";
  ctx.body = page(
    "Is this your code?",
    `<p><b>${escapeHtml(userCode)}</b></p><p>${escapeHtml(asking)}</p><p>${warning}</p>${form}${button("op.deviceConfirmForm", "Continue")}`,
  );
}

export function successPage(ctx: KoaContextWithOIDC): void {
  ctx.body = page("Signed in", "<p>Go back to your terminal.</p>");
}

function named(value: unknown, key: string): string {
  const found = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  return typeof found === "string" ? found : "somebody";
}

/** A whole document. `body` is markup. */
export function page(title: string, body: string): string {
  const style = "body{font:16px sans-serif;max-width:26em;margin:4em auto}button{font:inherit;margin:.3em 0}";
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title><style>${style}</style><h1>${escapeHtml(title)}</h1>${body}</html>`;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.codePointAt(0)};`);
}

function button(form: string, label: string): string {
  return `<button type="submit" form="${form}">${label}</button>`;
}
