/** `npm run bench`: what ihc costs beside a direct connection, plain relays and `ssh -L`. See docs/performance.md. */
import { parseOptions, usage } from "./options.ts";
import { columnsOf, lineOf, type Row } from "./report.ts";
import { runBench } from "./run.ts";

const say = (line: string): void => void process.stdout.write(`${line}\n`);

let last = "";
function tell(row: Row): void {
  if (row.name !== last) say(`\n${row.name}\n  ${columnsOf(row)}`);
  last = row.name;
  say(lineOf(row));
}

try {
  const options = parseOptions(process.argv.slice(2));
  await runBench(options, options.json ? (row) => say(JSON.stringify(row)) : tell);
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  process.stderr.write(`bench: ${error.message}\n${usage}`);
  process.exitCode = 2;
}
