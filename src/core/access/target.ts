export type LabelValue = string | number | boolean;

/** What policy and people see of a target; the protocol's own settings are kept apart. */
export interface Target {
  readonly name: string;
  readonly protocol: string;
  readonly labels: Readonly<Record<string, LabelValue>>;
}
