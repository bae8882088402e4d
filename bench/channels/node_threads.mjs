// Node worker_threads: a worker posts, the main thread receives, per message.
//
// usage: node bench/channels/node_threads.mjs <iterations> <kind>

import process from "node:process";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { MESSAGES } from "./messages.mjs";

/** Nanoseconds per message. */
function receive(worker, kind, n) {
  return new Promise((resolve) => {
    const begin = performance.now();
    let received = 0;
    const listener = () => {
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
    for (let i = 0; i < n; i++) parentPort.postMessage(MESSAGES[kind](i));
  });
}
