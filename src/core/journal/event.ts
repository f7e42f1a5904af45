import type { Digest } from "../../base/bytes.ts";
import type { ConnectionId, OperationId, RequestId, SessionId } from "../../base/ids.ts";
import type { Masked } from "../masking/rule.ts";
import type { Attributes, Effect } from "../session/operation.ts";

/** What a journal holds, in the order it happened. Every text in it is masked. */
export type JournalEvent =
  | {
      readonly type: "session";
      readonly session: SessionId;
      readonly person: string;
      readonly target: string;
      readonly protocol: string;
      readonly reason: string;
      readonly incident?: string;
      readonly via?: string;
      readonly grant?: string;
      readonly approvedBy: readonly string[];
      readonly breakGlass: boolean;
      readonly policyVersion: string;
    }
  | {
      readonly type: "connection";
      readonly connection: ConnectionId;
      readonly state: "open" | "closed";
      readonly client?: Masked<string>;
      readonly reason?: string;
    }
  /** As whom the target is asked from here on: the name and groups that the gateway gives it for the person. */
  | {
      readonly type: "identity";
      readonly connection: ConnectionId;
      readonly user: string;
      readonly groups: readonly string[];
    }
  | {
      readonly type: "operation";
      readonly connection: ConnectionId;
      readonly operation: OperationId;
      readonly kind: string;
      readonly text: Masked<string>;
      readonly parameters: readonly Masked<string>[];
      readonly effect: Effect;
      readonly resources: readonly string[];
      readonly traits: readonly string[];
      readonly attributes?: Attributes;
      readonly digest: Digest;
    }
  | {
      readonly type: "verdict";
      readonly operation: OperationId;
      readonly verdict: "allow" | "hold" | "deny";
      readonly rule: string;
      readonly reason?: string;
      readonly request?: RequestId;
      readonly approvedBy?: readonly string[];
    }
  | {
      readonly type: "columns";
      readonly operation: OperationId;
      readonly format: string;
      readonly columns: readonly JournalColumn[];
    }
  /** `data` are masked rows as the protocol framed them; `format` names the decoder (`pg`). */
  | {
      readonly type: "rows";
      readonly operation: OperationId;
      readonly format: string;
      readonly data: Masked<Uint8Array>;
    }
  | {
      readonly type: "result";
      readonly operation: OperationId;
      readonly status: Masked<string>;
      readonly rows: number;
      readonly bytes: number;
      readonly recordedRows: number;
      readonly maskedColumns: readonly string[];
    }
  | {
      readonly type: "output";
      readonly connection: ConnectionId;
      readonly stream: "out" | "err" | "in";
      readonly data: Masked<Uint8Array>;
    }
  | {
      readonly type: "resize";
      readonly connection: ConnectionId;
      readonly columns: number;
      readonly rows: number;
    }
  | { readonly type: "note"; readonly text: string; readonly operation?: OperationId }
  | { readonly type: "end"; readonly reason: string; readonly complete: boolean };

export interface JournalColumn {
  readonly name: Masked<string>;
  /** The type's name or number in the protocol's words. */
  readonly type: string;
  readonly masked: boolean;
  readonly binary: boolean;
}

/** An event as it stands in a journal: numbered from 0 without gaps; ordered by number, not by time. */
export interface Recorded {
  readonly seq: number;
  readonly at: Date;
  readonly event: JournalEvent;
}
