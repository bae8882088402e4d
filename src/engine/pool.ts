// Pools whose workers are processes on any host. The pool's books are those of every pool (src/pool); what lies between it
// and its workers is in pool/.

import { InvalidStateError } from "../errors.ts";
import { currentAuthkey } from "../launch/authkey.ts";
import { type DeskMaker, DESKS, type WorkerProcessClass } from "../pool/desk.ts";
import type { PoolContext, PoolOptions, PoolSettings } from "../pool/options.ts";
import { Pool } from "../pool/pool.ts";
import type { PoolSize } from "../pool/size.ts";
import type { RemoteTree } from "./current.ts";
import { EngineDesks } from "./pool/desks.ts";
import { keyOf } from "./process.ts";

/** What pools of a tree are made with. */
export interface RemotePoolParts {
  readonly tree: Pick<RemoteTree, "session" | "plan" | "isRoot">;
  /** The class of the tree's processes. */
  readonly Process: WorkerProcessClass;
}

/** A pool of a tree on an engine. */
export class RemotePool<I extends readonly unknown[] = readonly unknown[]> extends Pool<I> {
  /** @param processes Absent or `null`: as many as there are free slots. */
  constructor(
    { tree, Process }: RemotePoolParts,
    processes?: number | PoolSize | null,
    options: PoolOptions<I> = {} as PoolOptions<I>,
  ) {
    const { session } = tree;
    if (session.closed) throw new InvalidStateError("Cannot create a pool: its context is closed");
    requireServed(options);
    const desks: DeskMaker = (needs) => new EngineDesks(session, keyOf(tree, currentAuthkey()), needs);
    const context = { Process, [DESKS]: desks } as unknown as PoolContext;
    super(processes ?? freeSlots(tree), { ...options, context });
  }
}

function requireServed(options: PoolSettings): void {
  if (options?.context !== undefined) {
    throw new Deno.errors.NotSupported(
      'Cannot create a pool: "context" is not served by the context of an engine, whose workers are its own processes',
    );
  }
  if (options?.stderr === "piped") {
    throw new Deno.errors.NotSupported(
      'Cannot create a pool: "stderr" is "piped", and what workers on other hosts write goes to the root\'s terminal',
    );
  }
}

/** How many slots are free on the hosts that fit; at least one, for which the start then waits. */
function freeSlots({ session, plan }: RemotePoolParts["tree"]): number {
  return Math.max(1, session.lookSync("hosts", "hosts", plan.hosts.join(",")).number(2));
}
