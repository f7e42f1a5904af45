/** What masking costs per row and per megabyte, without sockets. */
import { compileMasks } from "../src/core/masking/compile.ts";
import { detectorNames, type MaskingRule } from "../src/core/masking/rule.ts";
import { compileRows } from "../src/protocols/postgres/rows.ts";
import type { Field } from "../src/protocols/postgres/wire/backend.ts";
import { frame, int16, int32 } from "../src/protocols/postgres/wire/encode.ts";

export interface MaskingFigure {
  readonly name: string;
  readonly nsPerRow: number;
  readonly microsPerMb: number;
}

const chunkSize = 64 * 1024;

/** One text row of an orders table, about 133 bytes. */
function shopRow(i: number): Buffer {
  const cells = [
    String(i),
    `customer number ${i}`,
    `user${i}@shop.example`,
    "open and waiting for the carrier to answer",
    (i * 1.25).toFixed(2),
    "2026-11-23 10:12:13.123456+00",
  ];
  return row(cells);
}

function plainRow(i: number): Buffer {
  return row([
    String(i),
    `customer number ${i}`,
    "Lange Strasse, Muenster",
    "open and waiting for the carrier to answer",
    (i * 1.25).toFixed(2),
    "2026-11-23 10:12:13.123456+00",
  ]);
}

function row(cells: readonly string[]): Buffer {
  return frame(
    "D",
    int16(cells.length),
    ...cells.flatMap((cell) => [int32(Buffer.byteLength(cell)), Buffer.from(cell)]),
  );
}

const types = [23, 25, 25, 25, 1700, 1184];
const fields: readonly Field[] = types.map((typeOid, i) => ({
  name: `c${i}`,
  tableOid: 1,
  attribute: i + 1,
  typeOid,
  typeSize: -1,
  typeModifier: -1,
  format: 0,
}));

/** Runs all variants; each for about `ms` milliseconds. */
export function benchMasking(ms: number): readonly MaskingFigure[] {
  const detect: MaskingRule = { detect: detectorNames, how: "redact" };
  const column = (how: "redact" | "partial" | "hash"): MaskingRule => ({ columns: ["*.c2"], how });
  const shop = Array.from({ length: 480 }, (_, i) => shopRow(i + 1000));
  const plain = Array.from({ length: 480 }, (_, i) => plainRow(i + 1000));
  return [
    measure("nothing to mask", [], plain, ms),
    measure("detectors, nothing found", [detect], plain, ms),
    measure("detectors, an e-mail in each row", [detect], shop, ms),
    measure("one column redacted", [column("redact")], shop, ms),
    measure("one column partial", [column("partial")], shop, ms),
    measure("one column hashed", [column("hash")], shop, ms),
    measure("one column redacted, detectors on the rest", [column("redact"), detect], shop, ms),
  ];
}

function measure(name: string, rules: readonly MaskingRule[], rows: readonly Buffer[], ms: number): MaskingFigure {
  const masks = compileMasks({ mode: "strict", rules }, Buffer.alloc(32, 1));
  const plan = compileRows(fields, {
    masks,
    masking: { kind: "origin" },
    maskedColumn: (_table, attribute) => masks.column("public", "t", `c${attribute - 1}`),
  });
  const chunk = Buffer.concat(rows).subarray(0, chunkSize);
  let count = 0;
  let sum = 0;
  const pass = (): void => {
    for (let at = 0; at + 5 <= chunk.length; ) {
      const end = at + 1 + chunk.readInt32BE(at + 1);
      if (end > chunk.length) break;
      const masked = plan.row(chunk, at, end);
      sum += masked === "untouched" ? 1 : masked.length;
      count++;
      at = end;
    }
  };
  for (let i = 0; i < 30; i++) pass();
  count = 0;
  const start = process.cpuUsage();
  const until = performance.now() + ms;
  while (performance.now() < until) for (let i = 0; i < 10; i++) pass();
  const { user, system } = process.cpuUsage(start);
  if (sum === 0) throw new Error("nothing was measured");
  const nsPerRow = ((user + system) * 1000) / count;
  const rowBytes = rows.reduce((all, one) => all + one.length, 0) / rows.length;
  return { name, nsPerRow, microsPerMb: (nsPerRow / rowBytes) * 1000 };
}
