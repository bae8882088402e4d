// Errors that nobody catches in a child: they are told with the name of the process, and end it in order, unless the
// user's own handlers say that they have been dealt with.

import { nodeProcess } from "../node.ts";

/** Calls `fail` with every error and rejection that no handler of the user's has prevented from being reported. */
export function watchUncaught(fail: (error: unknown) => never): void {
  // This listener was here first. What the others would do is known only when they have been called: so the event ends
  // here, and they get one of its kind.
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
    fail(error);
  };
  addEventListener("error", (event) => {
    if (isSentOn) return;
    const { message, filename, lineno, colno, error } = event;
    sendOn(event, new ErrorEvent("error", { message, filename, lineno, colno, error, cancelable: true }), error);
  });
  addEventListener("unhandledrejection", (event) => {
    // Node's own events are told by Deno after this one.
    const process = nodeProcess();
    const isNodes = process.listenerCount("unhandledRejection") + process.listenerCount("uncaughtException") > 0;
    if (isSentOn || isNodes) return;
    const { promise, reason } = event;
    sendOn(event, new PromiseRejectionEvent("unhandledrejection", { promise, reason, cancelable: true }), reason);
  });
}
