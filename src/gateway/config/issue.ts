/** One mistake in ihc.yaml. `path` is the key's place such as `targets.prod-db.labels`; lines count from 1. */
export interface ConfigIssue {
  readonly file: string;
  readonly line: number;
  readonly path: string;
  readonly message: string;
  readonly hint: string;
}

/** A mistake before its line is known. */
export interface Problem {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string;
}
