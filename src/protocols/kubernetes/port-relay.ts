import type { WebSocket } from "ws";
import type { Session } from "../../core/session/session.ts";
import { bytesOf, close, passPings, whyEnded } from "./command-relay.ts";
import { Brake, sender } from "./flow.ts";

export interface PortEnd {
  readonly status: string;
  /** To the client. */
  readonly bytes: number;
  /** From the client. */
  readonly input: number;
}

/**
 * Passes a port-forward between client and cluster until either ends: SPDY in the messages of a WebSocket, which is how
 * kubectl does it since 1.31, or channels. What goes through is somebody else's protocol; it is counted and not looked at.
 * Never rejects.
 */
export function relayPorts(session: Session, client: WebSocket, cluster: WebSocket): Promise<PortEnd> {
  return new Promise((resolve) => {
    const counts = { bytes: 0, input: 0 };
    const toClient = sender(client, new Brake(cluster));
    const toCluster = sender(cluster, new Brake(client));
    let ended = false;
    const end = (status: string): void => {
      if (ended) return;
      ended = true;
      session.signal.removeEventListener("abort", cut);
      cluster.terminate();
      close(client);
      resolve({ status, ...counts });
    };
    const cut = (): void => end(whyEnded(session.signal));
    session.signal.addEventListener("abort", cut, { once: true });
    cluster.on("message", (data) => {
      const message = bytesOf(data);
      counts.bytes += message.length;
      toClient(message);
    });
    client.on("message", (data) => {
      const message = bytesOf(data);
      counts.input += message.length;
      toCluster(message);
    });
    passPings(client, cluster);
    cluster.on("error", () => cluster.terminate());
    client.on("error", () => client.terminate());
    cluster.on("close", () => end("the cluster closed the stream"));
    client.on("close", () => end("closed"));
    cluster.resume();
    if (session.signal.aborted) cut();
    else if (client.readyState !== client.OPEN) end("closed");
    else if (cluster.readyState !== cluster.OPEN) end("the cluster closed the stream");
  });
}
