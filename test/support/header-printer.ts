// Run as a process of its own: prints the headers that a stored login gives for one request, or the error's code.
import { openCredentials } from "../../src/agent/identity/credentials.ts";
import { IhcError } from "../../src/base/errors.ts";

const [state = "", name = "", gateway = ""] = process.argv.slice(2);
const url = new URL(gateway);
try {
  const credentials = await openCredentials({ config: state, state, runtime: state }, { name, gateway: url });
  process.stdout.write(JSON.stringify(await credentials.headers("GET", new URL("/v1/whoami", url))));
} catch (error) {
  process.stdout.write(JSON.stringify({ code: error instanceof IhcError ? error.code : String(error) }));
}
