import { IhcError } from "../../../src/base/errors.ts";

/** A parser module for the tests: does what its input says. */
export function handle(input: unknown): unknown {
  if (typeof input !== "object" || input === null) return input;
  if ("refuse" in input) throw new IhcError("invalid", String(input.refuse), { hint: "try again" });
  if ("hang" in input) for (;;) if (performance.now() < 0) return undefined;
  if ("recurse" in input) return recurse(0);
  if ("exit" in input) process.exit(3);
  if ("hoard" in input) return hoard();
  if ("environment" in input) return Object.keys(process.env);
  if ("count" in input) return ++calls;
  throw new Error("a secret detail");
}

let calls = 0;

function recurse(depth: number): number {
  return 1 + recurse(depth + 1);
}

function hoard(): number {
  const kept: string[][] = [];
  for (;;) kept.push(Array.from({ length: 100_000 }, (_, i) => `${kept.length}-${i}`));
}
