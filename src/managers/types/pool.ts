// Pool of a manager: the half of the server. Functions arrive as references, as in a pool's own messages, and are run by
// relatives only: to a stranger, which may name any module, nothing of this is open.

import { ArrivedCallable } from "../../callable/arrival.ts";
import { arrivedReference, isLate, promised } from "../../callable/late.ts";
import type { Callable, ModuleExport } from "../../callable/types.ts";
import { RemoteError } from "../../errors.ts";
import type { AsyncResult } from "../../pool/async_result.ts";
import { Pool } from "../../pool/pool.ts";
import type { PoolOptions } from "../../pool/options.ts";
import type { PoolSize } from "../../pool/size.ts";
import type { PoolStats } from "../../pool/stats.ts";
import { WhileIterated, whileUnderWay } from "../event_loop.ts";
import type { Caller, ServedType } from "../objects.ts";
import { ServedResult } from "./async_result.ts";
import { givenUp, kept } from "./contents.ts";
import { arrivedOptions } from "./direct.ts";
import { POOL_NAMES } from "./pool_proxy.ts";

/** What a request says of the options of a call; the pool checks them. */
type CallOptions = Readonly<Record<string, unknown>> | undefined;

/** The function or class that a reference in a message means. */
async function given(data: unknown): Promise<ModuleExport> {
  const arrived = arrivedReference(data);
  const found = isLate(arrived) ? await promised(arrived) : arrived;
  // This refuses what the sender may not name.
  const fn = await new ArrivedCallable(found, { isTrusted: false }).get();
  return found.member === null ? { module: found.module, name: found.name } : fn as Callable & ModuleExport;
}

/** A pool, as one of its clients has it. */
class PoolDesk {
  readonly #pool: Pool;
  /** Aborted when nobody wants the call any more. */
  readonly #signal: AbortSignal;

  constructor(pool: Pool, { cancelled }: Caller) {
    this.#pool = pool;
    this.#signal = cancelled;
  }

  #options(options: CallOptions): object {
    return { ...options, signal: this.#signal };
  }

  async apply(fn: unknown, args: readonly unknown[], options?: CallOptions): Promise<unknown> {
    const all = this.#options(options);
    return await this.#pool.apply(await given(fn), args, all);
  }

  async applyAsync(fn: unknown, args: readonly unknown[], options?: CallOptions): Promise<ServedResult> {
    return served(this.#pool.applyAsync(await given(fn), args, { ...options }), [args, options]);
  }

  async map(fn: unknown, items: readonly unknown[], options?: CallOptions): Promise<unknown> {
    const all = this.#options(options);
    return await this.#pool.map(await given(fn), items, all);
  }

  async mapAsync(fn: unknown, items: readonly unknown[], options?: CallOptions): Promise<ServedResult> {
    return served(this.#pool.mapAsync(await given(fn), items, { ...options }), items);
  }

  async starmap(fn: unknown, items: readonly unknown[][], options?: CallOptions): Promise<unknown> {
    const all = this.#options(options);
    return await this.#pool.starmap(await given(fn), items, all);
  }

  async starmapAsync(fn: unknown, items: readonly unknown[][], options?: CallOptions): Promise<ServedResult> {
    return served(this.#pool.starmapAsync(await given(fn), items, { ...options }), items);
  }

  async imap(fn: unknown, items: readonly unknown[], options?: CallOptions): Promise<unknown> {
    return iterated(this.#pool.imap(await given(fn), items, { ...options }), items);
  }

  async imapUnordered(fn: unknown, items: readonly unknown[], options?: CallOptions): Promise<unknown> {
    return iterated(this.#pool.imapUnordered(await given(fn), items, { ...options }), items);
  }

  close(): void {
    this.#pool.close();
    whileUnderWay(this.#pool.join());
  }

  async terminate(): Promise<void> {
    await this.#pool.terminate();
  }

  async join(options?: unknown): Promise<boolean> {
    const { timeout } = arrivedOptions(options);
    return await this.#pool.join({ timeout, signal: this.#signal });
  }

  async idle(options?: unknown): Promise<boolean> {
    const { timeout } = arrivedOptions(options);
    return await this.#pool.idle({ timeout, signal: this.#signal });
  }

  stats(): PoolStats {
    return this.#pool.stats();
  }
}

/** A result that is yet to come. The proxies in what its tasks are given are kept until then: a worker may have to begin first. */
function served(result: AsyncResult<unknown>, tasks: unknown): ServedResult {
  kept(tasks);
  const end = () => void givenUp(tasks);
  result.then(end, end);
  whileUnderWay(result);
  return new ServedResult(result);
}

/** Likewise, results of which each is asked for. */
function iterated(results: AsyncIterator<unknown>, tasks: unknown): AsyncIterableIterator<unknown> {
  kept(tasks);
  return new WhileIterated(results, () => givenUp(tasks));
}

/** What the initializers of pools are given, by each worker anew. */
const initargs = new WeakMap<Pool, unknown>();

/** Makes a pool, whose initializer and finalizer arrive as references. */
async function make(processes: number | PoolSize | null, options: PoolOptions = {}): Promise<Pool> {
  const arrived = async (fn: unknown) => fn === undefined || fn === null ? undefined : await given(fn);
  const [initializer, finalizer] = [await arrived(options.initializer), await arrived(options.finalizer)];
  const pool = new Pool(processes, { ...options, initializer, finalizer } as PoolOptions);
  initargs.set(pool, kept(options.initargs));
  return pool;
}

/** The type of pools. */
export const POOL: ServedType = {
  typeid: "Pool",
  make,
  exposed: POOL_NAMES,
  methodToTypeid: { applyAsync: "AsyncResult", mapAsync: "AsyncResult", starmapAsync: "AsyncResult" },
  concurrency: Infinity,
  keepsProxies: true,
  isDirect: false,
  isForRelatives: true,
  forCaller: (pool: Pool, caller) => {
    if (caller.isRelative) return new PoolDesk(pool, caller);
    throw new RemoteError("Cannot use a manager's Pool from another program: it would run any function that is named");
  },
  copy: (pool: Pool) => String(pool),
  drop(pool: Pool) {
    whileUnderWay(pool.terminate().catch(() => {}));
    givenUp(initargs.get(pool));
  },
};
