// SIGINT, SIGTERM and SIGHUP in a process that ends when its parent wants it to: a worker of a pool, or a manager's server.
// They reach every process of a program at once, by Ctrl-C, when a service is stopped or a terminal closed, and the parent
// may need this one to finish its work (docs/decisions/61-group-signals.md).

import type { Joined } from "../addon/binding.ts";
import { native } from "../addon/load.ts";

/** Leaves these signals to the parent, if this process is to. They have been blocked since it was started. */
export function leaveSignals(joined: Joined): Joined {
  if (!joined.shielded) return joined;
  // With the first listener to any signal Deno begins to handle SIGTERM and SIGHUP, too, for good. The addon's handler has
  // to come after Deno's, since the last to come decides what those before it hear. A listener to SIGTERM for this purpose
  // would stay: Deno 2.9.6 does not end the process by a signal that somebody has ever listened to.
  Deno.addSignalListener("SIGINT", () => {});
  native().shield();
  return joined;
}
