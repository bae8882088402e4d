// Pools whose workers are processes on any host. The pool's books are those of every pool (src/pool); what lies between it
// and its workers is in pool/.

import { InvalidStateError } from "../errors.ts";
import { currentAuthkey } from "../launch/authkey.ts";
import { type DeskMaker, DESKS, type WorkerProcessClass } from "../pool/desk.ts";
import type { PoolContext, PoolOptions, PoolSettings } from "../pool/options.ts";
import { Pool } from "../pool/pool.ts";
import type { PoolSize } from "../pool/size.ts";
import { isOptions } from "../waiting/options.ts";
import type { RemoteTree } from "./current.ts";
import { EngineDesks } from "./pool/desks.ts";
import { keyOf } from "./process.ts";

/** What pools of a tree are made with. */
export interface RemotePoolParts {
  readonly tree: Pick<RemoteTree, "session" | "plan" | "isRoot">;
  /** The class of the tree's processes. */
  readonly Process: WorkerProcessClass;
  /** How many more processes could be started now. Default: as many as slots are free on the hosts that fit. */
  readonly places?: () => number;
  /** The context; absent: it is known to nobody. */
  readonly own?: object;
}

/** A pool of a tree on an engine. */
export class RemotePool<I extends readonly unknown[] = readonly unknown[]> extends Pool<I> {
  /** @param processes Absent or `null`: as many as there are free slots. */
  constructor(
    { tree, Process, places = () => freeSlots(tree), own }: RemotePoolParts,
    processes?: number | PoolSize | null,
    options: PoolOptions<I> = {} as PoolOptions<I>,
  ) {
    const { session } = tree;
    if (session.closed) throw new InvalidStateError("Cannot create a pool: its context is closed");
    requireOwn(options, own);
    const canPipe = options?.stderr === "piped";
    const parts = { session, key: keyOf(tree, currentAuthkey()), places, canPipe };
    const desks: DeskMaker = (needs) => new EngineDesks(parts, needs);
    const context = { Process, [DESKS]: desks } as unknown as PoolContext;
    super(processes ?? Math.max(1, places()), isOptions(options) ? { ...options, context } : options); // which are refused
  }
}

/** Refuses another context than the pool's own. */
function requireOwn(options: PoolSettings, own: unknown): void {
  if (options?.context === undefined || options.context === null || (options.context as unknown) === own) return;
  throw new Deno.errors.NotSupported(
    'Cannot create a pool: "context" is another than that of the engine, whose pools have workers of its own; take the ' +
      "Pool of the other context",
  );
}

/** How many slots are free on the hosts that fit. */
function freeSlots({ session, plan }: RemotePoolParts["tree"]): number {
  return session.lookSync("hosts", "hosts", plan.hosts.join(",")).number(2);
}
