/** One mistake in a policy file, for people to mend. Lines count from 1. */
export interface PolicyIssue {
  readonly file: string;
  readonly line: number;
  readonly message: string;
  readonly hint: string;
}

export interface PolicyFile {
  readonly file: string;
  readonly text: string;
}
