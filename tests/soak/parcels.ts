// What the processes of the queues' part do: numbered and checksummed messages, of whose every byte somebody has an eye.

import { Queue, RawArray, ShutDown, type SimpleQueue } from "@parallel/multiprocessing";
import { checksum, filled } from "./bytes.ts";
import { type Books, Clerk } from "./books.ts";
import { Random } from "./random.ts";
import { pause } from "./stage.ts";

/** Messages that one process puts at most; then it ends, and another takes its place. */
export const MOST_EACH = 2048;
/** Processes that may be started as producers in one round. */
export const MOST_PRODUCERS = 512;

/** Words of the head that a message of bare bytes has: the producer's number, its own, and the checksum. */
const HEAD = 3;
/** Messages that a producer puts at once where the queue has no limit. */
const BURST = 8;

/** Shared by all processes of the part. */
export interface Rig {
  readonly queue: Queue<Parcel | null> | SimpleQueue<Parcel | null>;
  /** Bytes of the largest message. */
  readonly largest: number;
  /** By producer: how many puts it has begun, and how many have returned. */
  readonly begun: Int32Array;
  readonly done: Int32Array;
  /** By producer and message: how often it has been received. */
  readonly received: Uint8Array;
  /** Not 0: the producers are to end. */
  readonly end: Int32Array;
}

/** A message: an object, whose payload may be shared memory; or bare bytes that begin with the same three numbers. */
export type Parcel = { producer: number; number: number; sum: number; payload: Uint8Array } | Uint8Array;

/** Puts messages until it is told to end. */
export async function produce(rig: Rig, books: Books, seat: number, producer: number, path: string): Promise<void> {
  const clerk = new Clerk(books, seat);
  const random = new Random(path);
  const { queue } = rig;
  for (let number = 0; number < MOST_EACH && Atomics.load(rig.end, 0) === 0; number++) {
    if (!(queue instanceof Queue) && number % BURST === 0) await emptied(rig, clerk);
    const parcel = parcelOf(producer, number, rig.largest, random);
    Atomics.store(rig.begun, producer, number + 1);
    if (random.coin()) await queue.put(parcel);
    else queue.putSync(parcel);
    Atomics.store(rig.done, producer, number + 1);
    clerk.done();
    if (number % BURST === 0) await pause(1); // others are to have some of the processor
  }
}

/** Where a queue has no limit, the producers keep one. */
async function emptied({ queue, end }: Rig, clerk: Clerk): Promise<void> {
  while (!queue.empty() && Atomics.load(end, 0) === 0) {
    await pause(1);
    clerk.lives();
  }
}

/** Takes and checks messages until the queue is shut down and drained, or there is a `null`. */
export async function consume(rig: Rig, books: Books, seat: number, path: string): Promise<void> {
  const clerk = new Clerk(books, seat);
  const random = new Random(path);
  const last = new Map<number, number>();
  for (;;) {
    const parcel = await taken(rig, random);
    if (parcel === null) return;
    const { producer, number, isWhole } = opened(parcel);
    const fault = (what: string) => clerk.fault(`message ${number} of producer ${producer} is ${what}`);
    if (!isWhole) fault("torn");
    else if (Atomics.add(rig.received, producer * MOST_EACH + number, 1) > 0) fault("doubled");
    if (number <= (last.get(producer) ?? -1)) fault(`reordered: ${last.get(producer)} came before it`);
    last.set(producer, number);
    clerk.done();
  }
}

async function taken({ queue }: Rig, random: Random): Promise<Parcel | null> {
  try {
    return random.coin() ? await queue.get() : queue.getSync();
  } catch (error) {
    if (error instanceof ShutDown) return null;
    throw error;
  }
}

/** Of all sizes: as many up to 256 bytes as up to 16 KiB and as up to the largest. */
function sizeOf(largest: number, random: Random): number {
  return Math.floor(random.next() ** 2 * random.pick([256, 16 * 1024, largest]));
}

function parcelOf(producer: number, number: number, largest: number, random: Random): Parcel {
  const size = sizeOf(largest, random);
  const seed = producer * MOST_EACH + number;
  if (random.coin()) {
    const bytes: Uint8Array = random.oneIn(4) ? RawArray("u8", size + 1) : new Uint8Array(size);
    const payload = filled(bytes, 0, seed);
    return { producer, number, sum: checksum(payload, 0), payload };
  }
  const bytes = filled(new Uint8Array(4 * HEAD + size), 4 * HEAD, seed);
  new Uint32Array(bytes.buffer, 0, HEAD).set([producer, number, checksum(bytes, 4 * HEAD)]);
  return bytes;
}

function opened(parcel: Parcel): { producer: number; number: number; isWhole: boolean } {
  if (!(parcel instanceof Uint8Array)) {
    return { ...parcel, isWhole: checksum(parcel.payload, 0) === parcel.sum };
  }
  const view = new DataView(parcel.buffer, parcel.byteOffset, parcel.byteLength);
  const [producer, number, sum] = [0, 4, 8].map((at) => view.getUint32(at, true));
  return { producer, number, isWhole: checksum(parcel, 4 * HEAD) === sum };
}
