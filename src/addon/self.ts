// Who the process is, for its Workers. Each has the JavaScript of the package anew; the addon is the same for all, and
// keeps what the main thread has noted.

import { current } from "../runtime/current.ts";
import type { Native } from "./binding.ts";

/** The name of the note. */
const SELF = "self";

/** Tells the Workers of this process who it is; those that have asked already do not ask again. */
export function shareSelf(addon: Native): void {
  const { name, identity, daemon, parent, initialDirectory } = current;
  const facts = JSON.stringify({ name, identity, daemon, parent, initialDirectory });
  addon.note(SELF, new TextEncoder().encode(facts));
}

/** In a Worker: learns who the process is. */
export function recallSelf(addon: Native): void {
  const facts = addon.noted(SELF);
  if (facts !== null) Object.assign(current, JSON.parse(new TextDecoder().decode(facts)));
}
