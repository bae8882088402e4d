// A proxy (proxy.ts) in a Worker: for a thread that blocks while bytes are to get through.

import type { Place } from "./resp.ts";
import { type Direction, Proxy } from "./proxy.ts";

/** What the Worker is told. */
type Word = { listen: Place } | { swallow: Direction } | { count: true };

/** A proxy in a Worker. */
export class WorkerProxy implements Disposable {
  readonly #worker: Worker;

  private constructor(worker: Worker, /** The engine's URL through the proxy. */ readonly url: string) {
    this.#worker = worker;
  }

  /** Starts one. */
  static async start(target: Place): Promise<WorkerProxy> {
    const worker = new Worker(import.meta.url, { type: "module" });
    return new WorkerProxy(worker, await ask<string>(worker, { listen: target }));
  }

  /** As of {@linkcode Proxy}. */
  async swallow(direction: Direction): Promise<void> {
    await ask(this.#worker, { swallow: direction });
  }

  /** How many connections there have been. */
  async connections(): Promise<number> {
    return await ask<number>(this.#worker, { count: true });
  }

  /** Ends it. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

function ask<T>(worker: Worker, word: Word): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.postMessage(word);
  return promise;
}

function serve(
  scope: { onmessage: ((event: MessageEvent<Word>) => void) | null; postMessage(it: unknown): void },
): void {
  let proxy: Proxy | undefined;
  scope.onmessage = ({ data }) => {
    if ("listen" in data) proxy = new Proxy(data.listen);
    else if ("swallow" in data) proxy!.swallow(data.swallow);
    scope.postMessage("listen" in data ? proxy!.url : proxy!.connections);
  };
}

if (!("window" in globalThis) && "postMessage" in globalThis) serve(globalThis as never);
