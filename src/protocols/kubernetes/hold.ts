import type { Admission, Held, Session } from "../../core/session/session.ts";
import type { KubernetesOperation } from "./operation.ts";

export interface Waiting {
  /** Aborts when the client has gone. */
  readonly gone: AbortSignal;
  /** How long reviewers have at most, milliseconds. */
  readonly limit: number;
}

export interface Judged {
  readonly admission: Admission<KubernetesOperation>;
  /** Set when it waited for reviewers. */
  readonly held?: Held;
}

/**
 * Asks for admission; a held request waits, because kubectl does. Discovery does not, nor do requests that carry `timeout=`:
 * their clients would give up before anybody has looked, and ask for approval again and again.
 */
export async function judged(
  session: Session,
  operation: KubernetesOperation,
  { gone, limit }: Waiting,
): Promise<Judged> {
  const enough = new AbortController();
  let held: Held | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    const admission = await session.admit(operation, {
      mayHold: mayWait(operation),
      signal: AbortSignal.any([gone, enough.signal]),
      onHold: (filed) => {
        held = filed;
        timer = setTimeout(() => enough.abort(), limit);
      },
    });
    return { admission, ...(held ? { held } : {}) };
  } finally {
    clearTimeout(timer);
  }
}

function mayWait({ info }: KubernetesOperation): boolean {
  return info.isResource && !info.parameters.some(([name]) => name === "timeout");
}
