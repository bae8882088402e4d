// Errors that nobody catches in a child. They are printed with the name of the process and end it in order, unless the
// user's own handlers call preventDefault().

import { current } from "./current.ts";
import { inspected, shownName } from "./harmless.ts";
import { hasNode, nodeProcess } from "./node.ts";
import { isError, leaveOutOwnFrames } from "./stack.ts";

/** As it was before any module of the user's could replace it: an error that ends the process must be seen. */
const print = console.error;

/** So many errors inside of others are told; there may be a circle of them. */
const MOST_INNER = 20;

/** Prints an error without frames of this package, and of SuppressedErrors, which Deno prints without them, the two that they are about. */
function printError(error: unknown): void {
  if (isError(error)) leaveOutOwnFrames(error);
  printed(error);
  const inner = innerOf(error);
  for (let told = 0; inner.length > 0 && told < MOST_INNER; told++) {
    const [label, next] = inner.shift()!;
    print(`${label}:`);
    printed(next);
    inner.unshift(...innerOf(next));
  }
}

/** Prints anything: what it does to be printed may throw. */
function printed(thrown: unknown): void {
  try {
    print(thrown);
  } catch {
    print(inspected(thrown, {}));
  }
}

function innerOf(error: unknown): [label: string, inner: unknown][] {
  try {
    if (!isError(error) || !(error instanceof SuppressedError)) return [];
    return [["thrown last", error.error], ["suppressed by that", error.suppressed]];
  } catch {
    return []; // getters of the user's
  }
}

let deal: (error: unknown) => void = fail;

/** Says what becomes of an error from now on; by default it ends the process. */
export function dealWithUncaught(act: (error: unknown) => void): void {
  deal = act;
}

/** Ends this process because of an error. */
export function fail(error: unknown): never {
  try {
    print(`Process ${shownName(current.name)}:`);
    printError(error);
  } finally {
    Deno.exit(1); // whether or not there is somebody to tell
  }
}

/** Tells on standard error of what ends nothing. */
export function tell(what: string, error: unknown): void {
  try {
    print(what);
    printError(error);
  } catch {
    // Nobody is there to be told.
  }
}

/** Deals with every error and rejection that no handler of the user's has prevented from being reported. */
export function watchUncaught(): void {
  // Our listener runs first, but whether the user's listeners call preventDefault() is known only after they have run.
  // So this event ends here, and the other listeners get a copy of it.
  let isSentOn = false;
  const sendOn = (event: globalThis.Event, copy: globalThis.Event, error: unknown) => {
    event.stopImmediatePropagation();
    event.preventDefault();
    isSentOn = true;
    try {
      if (!dispatchEvent(copy)) return;
    } finally {
      isSentOn = false;
    }
    deal(error);
  };
  addEventListener("error", (event) => {
    if (isSentOn) return;
    const { message, filename, lineno, colno, error } = event;
    sendOn(event, new ErrorEvent("error", { message, filename, lineno, colno, error, cancelable: true }), error);
  });
  addEventListener("unhandledrejection", (event) => {
    // Node's own events are told by Deno after this one.
    if (isSentOn || isListenedToInNode()) return;
    const { promise, reason } = event;
    sendOn(event, new PromiseRejectionEvent("unhandledrejection", { promise, reason, cancelable: true }), reason);
  });
}

/** Whether somebody listens to the events that Node has for this. */
function isListenedToInNode(): boolean {
  if (!hasNode()) return false;
  const process = nodeProcess();
  return process.listenerCount("unhandledRejection") + process.listenerCount("uncaughtException") > 0;
}
