import type { Key } from "./object-keys.ts";

/** A value that is looked at again when the object around it is complete. */
export interface Held {
  readonly key: Key;
  readonly start: number;
  readonly end: number;
}

/** One object or array while it is read. Frames are used again, one for each depth. */
export class Frame {
  array = false;
  /** Whether a member or an element has been read. */
  begun = false;
  start = 0;
  /** Whether it is an API object whatever it says: an item of a list, the object of an event or of a row. */
  item = false;
  /** The member that is being read; of an array, the member that it is. */
  key: Key | undefined;
  keyStart = 0;
  keyEnd = 0;
  /** Whether the detectors suspect the key. */
  keySuspect = false;
  /** The last member called `name`; others before it are held. */
  nameStart = 0;
  nameEnd = 0;
  /** All kinds it gives itself: a member may be there twice. */
  kinds: string[] = [];
  held: Held[] = [];

  reset(start: number, array: boolean, key: Key | undefined, item: boolean): void {
    this.array = array;
    this.begun = false;
    this.start = start;
    this.item = item;
    this.key = array ? key : undefined;
    this.keyStart = this.keyEnd = start;
    this.keySuspect = false;
    this.nameStart = this.nameEnd = 0;
    if (this.kinds.length > 0) this.kinds = [];
    if (this.held.length > 0) this.held = [];
  }
}
