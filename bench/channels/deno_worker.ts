// Deno Worker: a worker posts, the main thread receives, per message.
//
// usage: deno run -A bench/channels/deno_worker.ts <iterations> <kind>

import { isRead } from "./in_place.mjs";
import { MESSAGES, TRANSFERRED } from "./messages.mjs";

type Kind = keyof typeof MESSAGES | keyof typeof TRANSFERRED;

/** What DedicatedWorkerGlobalScope has and Window has not. */
interface WorkerScope {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<{ kind: Kind; n: number }>) => void) | null;
}

function scope(): WorkerScope {
  return globalThis as unknown as WorkerScope;
}

/** Nanoseconds per message. */
function receive(worker: Worker, kind: Kind, n: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const begin = performance.now();
  let received = 0;
  worker.onmessage = ({ data }: MessageEvent) => {
    if (kind in TRANSFERRED && !isRead(data, received)) throw new Error("Cannot measure: other bytes have come");
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
  scope().onmessage = ({ data: { kind, n } }) => {
    for (let i = 0; i < n; i++) post(kind, i);
  };
}

function post(kind: Kind, i: number): void {
  if (!isTransferred(kind)) return scope().postMessage(MESSAGES[kind](i));
  const bytes = TRANSFERRED[kind](i);
  scope().postMessage(bytes, [bytes.buffer]);
}

function isTransferred(kind: Kind): kind is keyof typeof TRANSFERRED {
  return kind in TRANSFERRED;
}
