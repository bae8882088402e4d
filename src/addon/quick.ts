// The shortest way to the addon's functions of every message: V8 calls them directly.
//
// A call by Node-API takes 80 to 100 ns. Functions of `Deno.dlopen` take 10 once V8 has compiled their caller, but some
// 300 before, and to open them takes more than 1 ms. So they are opened when a thread has proved to need them, and only
// where it may load the addon still: a child with permissions of its own has given that up (child/cage.ts).

import { nativePath } from "./load.ts";
import { GetStatus, PutStatus } from "./numbers.ts";

/** The two functions (native/addon/src/abi/quick.rs). */
interface Quick {
  readonly put: (queue: number, length: number) => number;
  readonly get: (queue: number) => number;
}

/** Calls that go the long way before the short one is opened. */
const PATIENCE = 500;

let quick: Quick | undefined;
let calls = 0;

/** `queuePut` if there is room at once: `done` of {@linkcode PutStatus}. Else nothing has happened: go the long way. */
export function quickPut(queue: number, length: number): number {
  if (quick !== undefined) return quick.put(queue, length);
  countCall();
  return PutStatus.full;
}

/** `queueGet` if something is there at once: not negative. Else nothing has happened: go the long way. */
export function quickGet(queue: number): number {
  if (quick !== undefined) return quick.get(queue);
  countCall();
  return GetStatus.empty;
}

function countCall(): void {
  if (++calls === PATIENCE) quick = open(nativePath());
}

function open(path: string): Quick | undefined {
  // Nobody is to be asked for a permission.
  if (Deno.permissions.querySync({ name: "ffi", path }).state !== "granted") return;
  try {
    const library = Deno.dlopen(path, {
      put: { name: "multiprocessing_queue_put", parameters: ["u32", "u32"], result: "u32" },
      get: { name: "multiprocessing_queue_get", parameters: ["u32"], result: "f64" },
    });
    const { put, get } = library.symbols;
    // The addon stays where it is, since it was loaded by Node-API: so the functions do, too. Closed is only
    // the resource that leak detectors of tests would find.
    library.close();
    // Queue 0 does not exist.
    return get(0) === GetStatus.empty && put(0, 0) === PutStatus.full ? { put, get } : undefined;
  } catch {
    // The file is no longer there, or another.
  }
}
