/** One role that must review, and how many different people of it: `sre-leads:2`. */
export interface Slot {
  readonly group: string;
  readonly people: number;
}
