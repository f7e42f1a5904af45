import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { z } from "zod";
import { withoutKubectl } from "../../support/kubernetes/tools.ts";
import { playsOf } from "../api/support/plays.ts";
import { type CaseScene, clean, prod, startCaseScene } from "./support/scene.ts";

const { plays, rate } = playsOf("k8s");
const items = z.object({ items: z.array(z.object({ id: z.string(), kind: z.string() })) });

describe("the cases of k8s about streams", { skip: withoutKubectl() }, () => {
  let s: CaseScene;
  before(async () => {
    s = await startCaseScene();
  });
  after(() => s.stop());

  const resident = (): number => {
    const status = readFileSync(`/proc/${s.k.world.gatewayProcess().process?.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
  };

  plays("k8s-091", "safe", async () => {
    const { port, ca, token } = s.debugging;
    const command = ["yes", "0123456789".repeat(100)].map((word) => `command=${word}`).join("&");
    const socket = new WebSocket(
      `wss://127.0.0.1:${port}${prod}/pods/web/exec?container=c&stdout=true&stderr=true&${command}`,
      ["v5.channel.k8s.io"],
      { ca, headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false },
    );
    try {
      const opened = new Promise<void>((resolve, reject) => {
        socket.once("open", resolve);
        socket.once("error", reject);
      });
      opened.catch(() => undefined); // Awaited below.
      await approveBy("bob", "carol");
      await opened;
      await sleep(500);
      socket.pause();
      await sleep(500);
      const before = resident();
      await sleep(4000);
      const grown = resident() - before;
      assert.ok(grown < 48 * 1024 * 1024, `a reader that stalls costs ${Math.round(grown / 1e6)} MB`);
      const answer = await s.viewer.api.call("GET", `${prod}/pods`);
      assert.equal(answer.status, 200, "others are served meanwhile");
      clean(answer.text, "the answer beside it");
    } finally {
      socket.terminate();
    }
    const { commands } = s.k.cluster.kubelet;
    assert.equal(commands.length, 1, "one command has run, after two people had approved it");
  });

  /** Everybody's approval of the operation that waits. */
  async function approveBy(...people: readonly string[]): Promise<void> {
    for (const person of people) {
      let found: string | undefined;
      for (let tries = 0; found === undefined && tries < 100; tries += 1) {
        const listed = await s.k.world.does(person, ["requests", "--json"]);
        found = items.parse(JSON.parse(listed.stdout())).items.find(({ kind }) => kind === "operation")?.id;
      }
      assert.ok(found, `${person} sees nothing to review`);
      const review = await s.k.world.review(person, found);
      assert.equal(await review.ended(), 0, review.output());
    }
  }

  rate();
});
