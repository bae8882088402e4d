// Tells the addon which Workers are terminated. A Worker that blocks in the addon would otherwise not notice, and what
// it took would be lost; native/addon/src/isolate.rs says what becomes of it instead.

import type { Native } from "./binding.ts";

/** The numbers of Workers, as Deno counts them. */
const numbers = new WeakMap<Worker, number>();
/** Those that were made before there was an addon to ask for their number, in this order. */
let unnumbered: WeakRef<Worker>[] = [];
const ended = new WeakSet<Worker>();

/** Watches the Workers that the JavaScript of this thread makes and terminates; `loaded` gives the addon, once there. */
export function watchWorkers(loaded: () => Native | undefined): void {
  const { Worker } = globalThis;
  if (Worker === undefined) return; // in a Worker without the right to make others
  const { prototype } = Worker;
  const terminate = prototype?.terminate;
  if (typeof terminate !== "function") return; // somebody has put something else in its place
  Object.defineProperty(prototype, "terminate", {
    ...Object.getOwnPropertyDescriptor(prototype, "terminate"),
    value: { // a method can be no constructor, as the original
      terminate(this: Worker): void {
        if (!ended.has(this)) loaded()?.workerEnds(numbers.get(this) ?? 0);
        ended.add(this);
        terminate.call(this);
      },
    }.terminate,
  });
  globalThis.Worker = new Proxy(Worker, {
    construct(target, args, newTarget) {
      const addon = loaded();
      const before = new Set(addon?.workers());
      const worker = Reflect.construct(target, args, newTarget) as Worker;
      if (addon === undefined) unnumbered.push(new WeakRef(worker));
      else number(addon, [worker], addon.workers().filter((it) => !before.has(it)));
      return worker;
    },
  });
}

/** Gives the Workers that were made before the addon was loaded their numbers. */
export function numberWorkers(addon: Native): void {
  if (unnumbered.length === 0) return;
  const workers = unnumbered.flatMap((worker) => worker.deref() ?? []).filter((worker) => !ended.has(worker));
  unnumbered = [];
  number(addon, workers, addon.workers().toSorted((a, b) => a - b));
}

/** Deno counts upwards. If there are others, made elsewhere at the same time, nobody knows which is which. */
function number(addon: Native, workers: readonly Worker[], found: readonly number[]): void {
  if (workers.length !== found.length) return;
  for (const [i, worker] of workers.entries()) {
    numbers.set(worker, found[i]);
    addon.workerMade(found[i]);
  }
}
