// Iterations of containers on an engine: where one has come to is known here alone, so the engine keeps nothing of it.

import type { Line } from "../../managers/line.ts";
import { exposedByBuiltIn } from "../../managers/proxy_classes.ts";
import { IteratorProxy } from "../../managers/types/iterator.ts";
import type { ObjectHandle } from "../handles.ts";
import type { Answer } from "../session.ts";
import { Call, doLater, doSync, type Method, type Plan, type Wanted } from "./call.ts";

/** How a container is walked through. */
export interface Walker {
  /** Where the walk begins. */
  readonly start: string;
  /** Up to `most` items from there on, and where to go on; empty if there are no more. */
  fetch(call: Call, from: string, most: number): Generator<Wanted, [items: unknown[], next: string], Answer>;
}

/** The method that begins an iteration. */
export function walk(walker: Walker): Method {
  // deno-lint-ignore require-yield -- the first items are fetched when they are wanted
  return function* (call: Call): Plan {
    const { isFrozen } = call;
    const description = { typeid: "Iterator", exposed: exposedByBuiltIn("Iterator")!, isFrozen, direct: null };
    const line = new WalkLine(walker, call.handle.share());
    return new IteratorProxy({ id: 0, description, line, gate: null, handle: null, isClosed: false });
  };
}

/** What the proxy of an iteration calls. */
class WalkLine implements Line {
  readonly server = "the engine";
  readonly #walker: Walker;
  readonly #handle: ObjectHandle;
  /** Where to go on; `null` at the end. */
  #from: string | null;

  constructor(walker: Walker, handle: ObjectHandle) {
    this.#walker = walker;
    this.#handle = handle;
    this.#from = walker.start;
  }

  async call(_target: number, asked: string, [most]: readonly unknown[]): Promise<unknown> {
    const call = new Call(this.#handle, false);
    return await doLater(this.#fetch(call, most as number), call, asked, "Iterator", () => true);
  }

  callSync(_target: number, asked: string, [most]: readonly unknown[]): unknown {
    const call = new Call(this.#handle, false);
    return doSync(this.#fetch(call, most as number), call, asked, "Iterator");
  }

  *#fetch(call: Call, most: number): Plan {
    if (this.#from === null) return [[], true];
    const [items, next] = yield* this.#walker.fetch(call, this.#from, most);
    this.#from = next === "" ? null : next;
    return [items, next === ""];
  }

  release(): void {
    this.#handle.close();
  }
}
