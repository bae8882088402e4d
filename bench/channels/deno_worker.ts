// Deno Worker: a worker posts, the main thread receives, per message.
//
// usage: deno run -A bench/channels/deno_worker.ts <iterations> <kind>

import { MESSAGES } from "./messages.mjs";

type Kind = keyof typeof MESSAGES;

/** What DedicatedWorkerGlobalScope has and Window has not. */
interface WorkerScope {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent<{ kind: Kind; n: number }>) => void) | null;
}

/** Nanoseconds per message. */
function receive(worker: Worker, kind: Kind, n: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const begin = performance.now();
  let received = 0;
  worker.onmessage = () => {
    if (++received === n) resolve((performance.now() - begin) * 1e6 / n);
  };
  worker.postMessage({ kind, n });
  return promise;
}

if (!("WorkerGlobalScope" in globalThis)) {
  const [n, kind] = [Number(Deno.args[0]), Deno.args[1] as Kind];
  const worker = new Worker(import.meta.url, { type: "module" });
  await receive(worker, kind, n / 10);
  console.log(JSON.stringify({ work: `deno worker ${kind}`, ns: await receive(worker, kind, n) }));
  worker.terminate();
} else {
  const scope = globalThis as unknown as WorkerScope;
  scope.onmessage = ({ data: { kind, n } }) => {
    for (let i = 0; i < n; i++) scope.postMessage(MESSAGES[kind](i));
  };
}
