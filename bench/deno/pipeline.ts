// A pipeline: one process reads a file of JSON lines into memory of a queue, two parse pieces of it where they lie, this
// one adds up; per megabyte.

import { Event, Process, Queue, ShutDown } from "@parallel/multiprocessing";
import { add, fileOf, fill, PIECE, tell, type Totals, totalsOf } from "../channels/lines.ts";
import { iterations } from "./start_line.ts";

/** How many of this kind of process there are. */
const PARSERS = 2;

interface Stages {
  readonly ready: Queue<true>;
  readonly begun: Event;
  readonly pieces: Queue<Uint8Array>;
  readonly totals: Queue<Totals>;
}

export function read({ ready, begun, pieces }: Stages, path: string): void {
  using file = Deno.openSync(path);
  let rest = new Uint8Array();
  ready.putSync(true);
  begun.waitSync();
  for (;;) {
    using slot = pieces.loan(PIECE);
    const { end, filled } = fill(file, slot.bytes, rest);
    if (end === 0) break;
    rest = slot.bytes.slice(end, filled);
    slot.putSync(end);
  }
  pieces.shutdown();
}

export function parse({ ready, begun, pieces, totals }: Stages): void {
  ready.putSync(true);
  begun.waitSync();
  try {
    for (;;) {
      using view = pieces.getViewSync();
      totals.putSync(totalsOf(view.bytes));
    }
  } catch (error) {
    if (!(error instanceof ShutDown)) throw error;
  }
}

if (import.meta.main) {
  const megabytes = iterations();
  const path = await fileOf(megabytes);
  const stages: Stages = { ready: new Queue(), begun: new Event(), pieces: new Queue(4), totals: new Queue() };
  const parsers = Array.from({ length: PARSERS }, () => new Process({ target: parse, args: [stages] }));
  const children = [new Process({ target: read, args: [stages, path] }), ...parsers];
  for (const child of children) child.start();
  for (const _ of children) stages.ready.getSync();
  const begin = performance.now();
  stages.begun.set();
  const ends = Promise.all(parsers.map((child) => child.join())).then(() => stages.totals.shutdown());
  const all: Totals = {};
  for await (const totals of stages.totals) add(all, totals);
  const end = performance.now();
  await ends;
  await children[0].join();
  tell("pipeline", all, megabytes, end - begin);
}
