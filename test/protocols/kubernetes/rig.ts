import assert from "node:assert/strict";
import { after, before, beforeEach } from "node:test";
import { type K8sGateway, type K8sGatewayOptions, startK8sGateway } from "../../support/k8s-gateway.ts";
import { person } from "../../support/records.ts";
import { type ApiServer, answerJson, pods, startApiServer } from "./api-server.ts";

/** One API server for a test file, and a gateway before it for each test. */
export interface Rig {
  readonly api: ApiServer;
  /** Runs with a gateway; nothing may reach the API server without saying for whom. */
  withGateway(
    work: (gateway: K8sGateway) => Promise<void>,
    options?: Partial<K8sGatewayOptions>,
  ): Promise<void>;
}

export const ana = { ...person("ana"), name: "ana@acme.io", groups: ["oncall"] };
export const inProdApp = "/api/v1/namespaces/prod-app/pods";

/** Starts and stops with the test file that calls it. */
export function rig(): Rig {
  let api: ApiServer | undefined;
  const here = (): ApiServer => {
    assert.ok(api);
    return api;
  };
  before(async () => {
    api = await startApiServer();
  });
  after(() => here().stop());
  beforeEach(() => here().answer((_received, response) => answerJson(response, 200, pods)));
  return {
    get api() {
      return here();
    },
    async withGateway(work, options = {}) {
      const { received, settings } = here();
      const gateway = await startK8sGateway({
        secrets: { "env:TOKEN": "gateway-token" },
        ...options,
        settings: { ...settings, credential: { token: "env:TOKEN" }, ...options.settings },
      });
      const earlier = received.length;
      try {
        await work(gateway);
      } finally {
        await gateway.stop();
        assert.ok(received.slice(earlier).every(({ headers }) => headers["impersonate-user"] !== undefined));
      }
    },
  };
}
