// The facts about this process: a child is told them, the root makes them up. Workers of a process have their own copy
// of this module; the addon tells them what the main thread has noted (addon/self.ts).

/** What a process knows of itself. */
export interface Current {
  name: string;
  /** The numbers of the processes on the way from the root to this one. */
  identity: readonly number[];
  daemon: boolean;
  parent: { readonly pid: number; readonly name: string } | null;
  /** The directory the root was in when it imported the package: what relative paths in its flags mean. */
  initialDirectory: string | null;
  /** Whether processes may be started here and now: not by a main module that a child imports. */
  mayStart: () => boolean;
  /** Whether what runs are the modules that the command line preloads, in a child. */
  isPreloading: boolean;
}

/** This process. */
export const current: Current = {
  name: "MainProcess",
  identity: [],
  daemon: false,
  parent: null,
  initialDirectory: workingDirectory(),
  mayStart: () => true,
  isPreloading: false,
};

/** Where this process is now; `null` where Deno does not say. */
function workingDirectory(): string | null {
  try {
    return Deno.cwd();
  } catch {
    return null;
  }
}

let children = 0;

/** The identity for the next process object made here. */
export function nextIdentity(): number[] {
  return [...current.identity, ++children];
}

/** Whether this is a Worker: a thread of the process, with JavaScript of its own. */
export function isWorker(): boolean {
  return "postMessage" in globalThis;
}
