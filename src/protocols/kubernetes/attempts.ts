import type { SessionState, StatusAnswer, StreamRequest } from "./exchange.ts";

/**
 * One kubectl exec is two requests: a WebSocket and, when that is answered with anything but 101, SPDY. The second is never
 * judged anew, so that one exec asks for one approval, and it is told what the first was told, because kubectl prints what it
 * hears last.
 */
interface Attempt {
  readonly answer: StatusAnswer;
  /** Of `performance.now()`: how long ago it was does not depend on the clock. */
  readonly at: number;
}

/** Longer than kubectl takes between the two. */
const remembered = 60_000;
const most = 200;

export function rememberAnswer(stream: StreamRequest, answer: StatusAnswer): void {
  const { execs } = stream.state;
  const [oldest] = execs.keys();
  if (execs.size >= most && oldest !== undefined) execs.delete(oldest);
  execs.set(keyOf(stream), { answer, at: performance.now() } satisfies Attempt);
}

/** What the WebSocket of the same exec was answered; each answer is given once. */
export function earlierAnswer(stream: StreamRequest): StatusAnswer | undefined {
  const key = keyOf(stream);
  const found = attemptOf(stream.state.execs, key);
  stream.state.execs.delete(key);
  return found && performance.now() - found.at < remembered ? found.answer : undefined;
}

function attemptOf(execs: SessionState["execs"], key: string): Attempt | undefined {
  return execs.get(key) as Attempt | undefined;
}

/** The state is one person's session; the target names pod, container and command. */
function keyOf({ request, operation }: StreamRequest): string {
  const session = request.headers["kubectl-session"];
  return JSON.stringify([session ?? "", operation.kind, operation.info.target]);
}
