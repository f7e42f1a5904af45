import { spawn } from "node:child_process";
import process from "node:process";

/** Opens a web address in the person's browser; nothing happens where there is none, the address has been printed. */
export function openBrowser(address: string): void {
  const url = new URL(address);
  if (url.protocol !== "https:" && url.protocol !== "http:") return;
  const [command, args] = opener(url.href);
  const child = spawn(command, args, { stdio: "ignore", detached: true });
  child.on("error", () => undefined);
  child.unref();
}

function opener(href: string): [string, string[]] {
  if (process.platform === "darwin") return ["open", [href]];
  // `start` would run its argument through the command line of cmd.
  if (process.platform === "win32") return ["rundll32", ["url.dll,FileProtocolHandler", href]];
  return ["xdg-open", [href]];
}
