import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { kubectls, withoutKubectl } from "../../support/kubernetes/tools.ts";
import {
  type KubernetesConnection,
  type KubernetesWorld,
  startKubernetesWorld,
} from "../../support/kubernetes/world.ts";

describe("kubectl through the gateway", { skip: withoutKubectl() }, () => {
  let k: KubernetesWorld;
  let ana: KubernetesConnection;
  before(async () => {
    k = await startKubernetesWorld();
    await k.world.logIn("ana", "lee");
    ana = await k.connect("ana", { approver: "lee" });
  });
  after(() => k.stop());

  for (const kubectl of kubectls())
    test(`${kubectl.version} gets pods`, async () => {
      const running = ana.kubectl(kubectl, ["get", "pods", "--namespace", "prod-app"]);
      assert.equal(await running.ended(), 0, running.output());
      assert.match(running.stdout(), /web +1\/1 +Running/);
    });
});
