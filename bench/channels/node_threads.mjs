// Node worker_threads: a worker posts, the main thread receives, per message.
//
// usage: node bench/channels/node_threads.mjs <iterations> <kind>

import process from "node:process";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { isRead } from "./in_place.mjs";
import { MESSAGES, TRANSFERRED } from "./messages.mjs";

/** Nanoseconds per message. */
function receive(worker, kind, n) {
  return new Promise((resolve) => {
    const begin = performance.now();
    let received = 0;
    const listener = (message) => {
      if (kind in TRANSFERRED && !isRead(message, received)) throw new Error("Cannot measure: other bytes have come");
      if (++received < n) return;
      worker.off("message", listener);
      resolve((performance.now() - begin) * 1e6 / n);
    };
    worker.on("message", listener);
    worker.postMessage({ kind, n });
  });
}

if (isMainThread) {
  const [n, kind] = [Number(process.argv[2]), process.argv[3]];
  const worker = new Worker(new URL(import.meta.url));
  await receive(worker, kind, n / 10);
  console.log(JSON.stringify({ work: `node worker_threads ${kind}`, ns: await receive(worker, kind, n) }));
  await worker.terminate();
} else {
  parentPort.on("message", ({ kind, n }) => {
    for (let i = 0; i < n; i++) {
      if (!(kind in TRANSFERRED)) {
        parentPort.postMessage(MESSAGES[kind](i));
        continue;
      }
      const bytes = TRANSFERRED[kind](i);
      parentPort.postMessage(bytes, [bytes.buffer]);
    }
  });
}
