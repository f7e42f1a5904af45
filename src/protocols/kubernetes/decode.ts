import type { RowDecoder } from "../../core/journal/transcript.ts";

/** Reads recorded answers for a replay: an object, or a line of text, is one cell. */
export const decodeAnswers: RowDecoder = (data) => {
  const lines = Buffer.from(data.buffer, data.byteOffset, data.length).toString("utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => [line]);
};
