/** The sensitive values of test/cases/fixture.sql. None of them may reach a client, a recording or the audit log. */
const canaries = [
  "canary.ada@leak",
  "canary.bob@leak",
  "leak.example",
  "900-11-2233",
  "901-22-3344",
  "902-33-4455",
  "4111111111111111",
  "5500000000000004",
  "340000000000009",
  "7391",
  "1205",
  "8888",
  "1977-07-07",
  "555-0199-CANARY",
  "CANARY-DOC-8842",
  "CANARYHSTORE77",
  "CANARYTOKEN4242",
  "canary.tag@",
];
/** secret_pin 7391 as a binary int4 field. */
const binaryPin = Buffer.from("0000000400001cdf", "hex");

/**
 * Names the canaries found in `bytes`, plain or in the usual disguises (hexadecimal, base64, reversed, spaced). Short ones
 * are looked for in `rows` only, because four digits occur by chance in a login.
 */
export function canariesIn(bytes: Buffer, rows: Buffer = bytes, also: readonly string[] = []): string[] {
  const text = bytes.toString("latin1");
  const rowText = rows.toString("latin1");
  const found = canaries.flatMap((c) => (c.length <= 5 ? shortIn(c, rowText) : disguisedIn(c, text)));
  found.push(...also.filter((extra) => text.toLowerCase().includes(extra.toLowerCase())));
  if (rows.includes(binaryPin)) found.push("7391 (int4)");
  return found;
}

function shortIn(canary: string, rows: string): string[] {
  return rows.includes(canary) ? [canary] : [];
}

function disguisedIn(canary: string, text: string): string[] {
  const lower = text.toLowerCase();
  const found = disguises(canary).filter(([, form]) => lower.includes(form));
  const base64 = Buffer.from(canary).toString("base64").replace(/=+$/, "").slice(0, -2);
  return [
    ...found.map(([name]) => `${canary} (${name})`),
    ...(base64.length > 6 && text.includes(base64) ? [`${canary} (base64)`] : []),
  ];
}

function disguises(canary: string): readonly (readonly [string, string])[] {
  const plain = canary.toLowerCase();
  return [
    ["plain", plain],
    ["hex", Buffer.from(canary).toString("hex")],
    ["reversed", [...plain].reverse().join("")],
    ["spaced", [...plain].join(" ")],
  ];
}
