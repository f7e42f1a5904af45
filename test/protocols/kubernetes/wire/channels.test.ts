import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  channelFrame,
  endFrame,
  protocolV4,
  protocolV5,
  readClientFrame,
  readServerFrame,
  resizeFrame,
} from "../../../../src/protocols/kubernetes/wire/channels.ts";

describe("channels of exec and attach", () => {
  it("are a byte and the data, whatever the data", () => {
    const data = Buffer.of(0, 255, 3, 10);
    assert.deepEqual(readClientFrame(channelFrame("stdin", data), protocolV5), { kind: "stdin", data });
    for (const kind of ["stdout", "stderr", "error"] as const)
      assert.deepEqual(readServerFrame(channelFrame(kind, data), protocolV4), { kind, data });
    const empty = Buffer.alloc(0);
    assert.deepEqual(readServerFrame(Buffer.of(1), protocolV4), { kind: "stdout", data: empty });
  });

  it("of a client are stdin and resize, and closing stdin in v5 only", () => {
    assert.deepEqual(readClientFrame(Buffer.of(255, 0), protocolV5), { kind: "end-of-stdin" });
    assert.deepEqual(endFrame("stdin"), Buffer.of(255, 0));
    const wrong = [[], [1, 65], [2, 65], [3, 65], [5], [254], [255], [255, 1], [255, 0, 0], [255, 255]];
    for (const bytes of wrong)
      assert.throws(() => readClientFrame(Buffer.from(bytes), protocolV5), { rule: "malformed-channel" });
    assert.throws(() => readClientFrame(Buffer.of(255, 0), protocolV4), { rule: "malformed-channel" });
  });

  it("of a server are stdout, stderr and error, and closing them in v5 only", () => {
    assert.deepEqual(readServerFrame(Buffer.of(255, 2), protocolV5), { kind: "end", of: "stderr" });
    for (const bytes of [[], [0, 65], [4, 65], [7], [255], [255, 0], [255, 4], [255, 1, 1]])
      assert.throws(() => readServerFrame(Buffer.from(bytes), protocolV5), { rule: "malformed-channel" });
    assert.throws(() => readServerFrame(Buffer.of(255, 1), protocolV4), { rule: "malformed-channel" });
  });

  it("carry the size of a terminal, rebuilt from two numbers", () => {
    const read = (text: string) =>
      readClientFrame(Buffer.concat([Buffer.of(4), Buffer.from(text)]), protocolV4);
    const size = { kind: "resize", columns: 120, rows: 40 };
    assert.deepEqual(read('{"Width":120,"Height":40}'), size);
    assert.deepEqual(read('{"height": 40, "width" : 120}\n'), size);
    assert.deepEqual(readClientFrame(resizeFrame(120, 40), protocolV4), size);
    for (const text of [
      "",
      "{}",
      '{"Width":1}',
      '{"Width":-1,"Height":2}',
      '{"Width":99999,"Height":2}',
      " ".repeat(300),
    ])
      assert.throws(() => read(text), { rule: "malformed-channel" });
  });
});
