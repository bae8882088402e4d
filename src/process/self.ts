// The process that runs, as an object: made by the constructor of `Process` when it is given a `Self` instead of
// options. A child has an object of the class that its parent started, without that class's constructor having run.

import type { Process } from "./process.ts";
import type { Work } from "./work.ts";

/** The argument by which the constructor of `Process` makes the object of the process that runs. */
export class Self {
  /** The work of `Process.run`. */
  readonly work: Work | null;

  constructor(work: Work | null) {
    this.work = work;
  }
}

let self: Process | null = null;

/** The object of the process that runs, once there is one. */
export function knownSelf(): Process | null {
  return self;
}

/** From now on `process` is the one that runs. */
export function becomeSelf(process: Process): Process {
  return self = process;
}
