// The same pipeline by Deno's Workers, which transfer the pieces, and in one process; per megabyte.
//
// usage: deno run -A bench/channels/pipeline.ts <megabytes> workers|alone

import { add, fileOf, fill, PIECE, tell, type Totals, totalsOf } from "./lines.ts";

const PARSERS = 2;
/** Pieces that a parser may have at a time. */
const AHEAD = 2;

/** What a stage is told at its beginning. */
type Orders = { readonly stage: "read"; readonly path: string } | { readonly stage: "parse" };

/** What DedicatedWorkerGlobalScope has and Window has not. */
interface WorkerScope {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<Orders>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;

/** Reads when a parser has asked for a piece, and transfers it. */
function read(path: string, parsers: readonly MessagePort[]): void {
  const file = Deno.openSync(path);
  let rest = new Uint8Array();
  for (const parser of parsers) {
    parser.onmessage = () => {
      const bytes = new Uint8Array(PIECE);
      const { end, filled } = fill(file, bytes, rest);
      rest = bytes.slice(end, filled);
      if (end === 0) parser.postMessage(null);
      else parser.postMessage(bytes.subarray(0, end), [bytes.buffer]);
    };
  }
  scope.postMessage("ready");
}

function parse(reader: MessagePort): void {
  reader.onmessage = ({ data }: MessageEvent<Uint8Array | null>) => {
    if (data === null) return scope.postMessage(null);
    reader.postMessage("next");
    scope.postMessage(totalsOf(data));
  };
  scope.onmessage = () => {
    for (let i = 0; i < AHEAD; i++) reader.postMessage("next");
  };
  scope.postMessage("ready");
}

/** A Worker that has its orders and is ready. */
async function started(orders: Orders, ports: MessagePort[]): Promise<Worker> {
  const worker = new Worker(import.meta.url, { type: "module" });
  const { promise, resolve } = Promise.withResolvers<void>();
  worker.onmessage = () => resolve();
  worker.postMessage(orders, ports);
  await promise;
  return worker;
}

async function byWorkers(path: string): Promise<[Totals, milliseconds: number]> {
  const channels = Array.from({ length: PARSERS }, () => new MessageChannel());
  const reader = await started({ stage: "read", path }, channels.map(({ port1 }) => port1));
  const parsers = await Promise.all(channels.map(({ port2 }) => started({ stage: "parse" }, [port2])));
  const all: Totals = {};
  const { promise, resolve } = Promise.withResolvers<void>();
  let ends = 0;
  const begin = performance.now();
  for (const parser of parsers) {
    parser.onmessage = ({ data }: MessageEvent<Totals | null>) => {
      if (data !== null) add(all, data);
      else if (++ends === PARSERS * AHEAD) resolve();
    };
    parser.postMessage("begin");
  }
  await promise;
  const end = performance.now();
  for (const worker of [reader, ...parsers]) worker.terminate();
  return [all, end - begin];
}

function alone(path: string): [Totals, milliseconds: number] {
  using file = Deno.openSync(path);
  const all: Totals = {};
  const bytes = new Uint8Array(PIECE);
  let rest = new Uint8Array();
  const begin = performance.now();
  for (;;) {
    const { end, filled } = fill(file, bytes, rest);
    if (end === 0) return [all, performance.now() - begin];
    rest = bytes.slice(end, filled);
    add(all, totalsOf(bytes.subarray(0, end)));
  }
}

if ("WorkerGlobalScope" in globalThis) {
  scope.onmessage = ({ data, ports }) => {
    if (data.stage === "read") read(data.path, ports);
    else parse(ports[0]);
  };
} else {
  const megabytes = Number(Deno.args[0]);
  const way = Deno.args[1];
  const path = await fileOf(megabytes);
  const [all, milliseconds] = way === "workers" ? await byWorkers(path) : alone(path);
  tell(`pipeline ${way}`, all, megabytes, milliseconds);
}
