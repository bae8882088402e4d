// What this process is: the facts that a child is told and the root makes up. Workers of a process have their own copy
// of this module, and so are no processes that could start others under its name.

/** What a process knows of itself. */
export interface Current {
  name: string;
  /** The numbers of the processes on the way from the root to this one. */
  identity: readonly number[];
  daemon: boolean;
  parent: { readonly pid: number; readonly name: string } | null;
  /** The directory the root was started in; `null` until it is needed. */
  initialDirectory: string | null;
  /** True while a child imports the user's modules, when nothing may be started. */
  importing: boolean;
}

/** This process. */
export const current: Current = {
  name: "MainProcess",
  identity: [],
  daemon: false,
  parent: null,
  initialDirectory: null,
  importing: false,
};

let children = 0;

/** The identity for the next process object made here. */
export function nextIdentity(): number[] {
  return [...current.identity, ++children];
}
