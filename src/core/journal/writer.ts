import type { JournalEvent } from "./event.ts";

/** One session's journal while it is written. After a failure every call rejects: the session must end. */
export interface JournalWriter {
  /**
   * Appends and resolves once the event is in the file (`written`) or on the disk (`durable`). Events of one loop turn
   * are written together, and one fsync serves all who wait for it.
   */
  append(event: JournalEvent, until: "written" | "durable"): Promise<void>;
  /** Appends without waiting: results and rows. A failure aborts `failed`. */
  add(event: JournalEvent): void;
  /** Resolves when the backlog is below the limit: a fast target must wait for the disk. */
  drained(): Promise<void>;
  /** Aborts when the journal cannot be written any more. */
  readonly failed: AbortSignal;
  /** Writes the `end` event, seals the last chunk. */
  close(reason: string): Promise<void>;
}
