import type { Session } from "../../core/session/session.ts";
import { whyEnded } from "./denial.ts";
import { Brake, sender } from "./flow.ts";
import type { MessageLine } from "./message-line.ts";

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
export function relayPorts(session: Session, client: MessageLine, cluster: MessageLine): Promise<PortEnd> {
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
      client.close();
      resolve({ status, ...counts });
    };
    const cut = (): void => end(whyEnded(session.signal));
    session.signal.addEventListener("abort", cut, { once: true });
    client.listen({
      message: (message) => {
        counts.input += message.length;
        toCluster(message);
      },
      ping: (data) => cluster.ping(data),
      closed: () => end("closed"),
    });
    cluster.listen({
      message: (message) => {
        counts.bytes += message.length;
        toClient(message);
      },
      // Each side answers its own.
      ping: () => undefined,
      closed: () => end("the cluster closed the stream"),
    });
    cluster.resume();
    if (session.signal.aborted) cut();
  });
}
