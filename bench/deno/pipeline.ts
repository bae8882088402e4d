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
  /** Of a piece; `null`: a parser has come to its end. */
  readonly totals: Queue<Totals | null>;
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
  // A TextDecoder copies what is shared, into new memory each time.
  const own = new Uint8Array(PIECE);
  ready.putSync(true);
  begun.waitSync();
  try {
    for (;;) {
      using view = pieces.getViewSync();
      const { length } = view.bytes;
      own.set(view.bytes);
      view.close();
      totals.putSync(totalsOf(own.subarray(0, length)));
    }
  } catch (error) {
    if (!(error instanceof ShutDown)) throw error;
  }
  totals.putSync(null);
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
  const all: Totals = {};
  for (let ends = 0; ends < PARSERS;) {
    const totals = stages.totals.getSync();
    if (totals === null) ends++;
    else add(all, totals);
  }
  const end = performance.now();
  for (const child of children) child.joinSync();
  tell("pipeline", all, megabytes, end - begin);
}
