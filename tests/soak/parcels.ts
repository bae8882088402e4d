// What the processes of the queue soak do: numbered and checksummed messages, of whose every byte somebody has an eye.

import { type Queue, ShutDown } from "@parallel/multiprocessing";

/** Messages that one process puts at most; then it ends, and another takes its place. */
export const MOST_EACH = 4096;
/** Processes that may be started as producers in one run. */
export const MOST_PRODUCERS = 4096;

/** Bytes of the largest message. */
const LARGEST = 4 * 2 ** 20;
/** Words of the head that a message of bare bytes has: the producer's number, its own, and the checksum. */
const HEAD = 3;

/** Shared by all processes of the soak. */
export interface Rig {
  readonly queue: Queue<Parcel>;
  /** By producer: how many puts it has begun, and how many have returned. */
  readonly begun: Int32Array;
  readonly done: Int32Array;
  /** By producer and message: how often it has been received. */
  readonly received: Uint8Array;
  /** By seat: grows with each message. */
  readonly beats: Int32Array;
  /** By seat: what was wrong with messages. */
  readonly faults: Int32Array;
  /** Not 0: the producers are to end. */
  readonly end: Int32Array;
}

/** A message: an object, or bare bytes that begin with the same three numbers. */
export type Parcel = { producer: number; number: number; sum: number; payload: Uint8Array } | Uint8Array;

/** Puts messages until it is told to end. */
export async function produce(rig: Rig, seat: number, producer: number): Promise<void> {
  for (let number = 0; number < MOST_EACH && Atomics.load(rig.end, 0) === 0; number++) {
    const parcel = parcelOf(producer, number);
    Atomics.store(rig.begun, producer, number + 1);
    if (coin()) await rig.queue.put(parcel);
    else rig.queue.putSync(parcel);
    Atomics.store(rig.done, producer, number + 1);
    Atomics.add(rig.beats, seat, 1);
  }
}

/** Takes and checks messages until the queue is shut down and drained. */
export async function consume(rig: Rig, seat: number): Promise<void> {
  const last = new Map<number, number>();
  for (;;) {
    let parcel: Parcel;
    try {
      parcel = coin() ? await rig.queue.get() : rig.queue.getSync();
    } catch (error) {
      if (error instanceof ShutDown) return;
      throw error;
    }
    const { producer, number, isWhole } = opened(parcel);
    const fault = (what: string) => {
      Atomics.add(rig.faults, seat, 1);
      console.error(`fault: message ${number} of producer ${producer} is ${what}`);
    };
    if (!isWhole) fault("torn");
    else if (Atomics.add(rig.received, producer * MOST_EACH + number, 1) > 0) fault("doubled");
    if (number <= (last.get(producer) ?? -1)) fault(`reordered: ${last.get(producer)} came before it`);
    last.set(producer, number);
    Atomics.add(rig.beats, seat, 1);
  }
}

/** Of all sizes: as many up to 256 bytes as up to 64 KiB and as up to 4 MiB. */
function randomSize(): number {
  return Math.floor(Math.random() ** 2 * [256, 64 * 1024, LARGEST][Math.floor(Math.random() * 3)]);
}

function parcelOf(producer: number, number: number): Parcel {
  const size = randomSize();
  if (coin()) {
    const payload = filled(new Uint8Array(size), 0, producer * MOST_EACH + number);
    return { producer, number, sum: checksum(payload, 0), payload };
  }
  const bytes = filled(new Uint8Array(4 * HEAD + size), 4 * HEAD, producer * MOST_EACH + number);
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

/** Fills the bytes behind `from` with what `seed` gives, a word at a time. */
function filled(bytes: Uint8Array<ArrayBuffer>, from: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(bytes.buffer, from, (bytes.length - from) >>> 2);
  let state = seed * 2654435761 | 1;
  for (let i = 0; i < words.length; i++) words[i] = state = Math.imul(state, 1664525) + 1013904223;
  bytes.fill(seed, from + 4 * words.length);
  return bytes;
}

/** Changes with every bit behind `from`, with the order of the words and with their number. */
function checksum(bytes: Uint8Array, from: number): number {
  const aligned = (bytes.byteOffset + from) % 4 === 0 ? bytes.subarray(from) : bytes.slice(from);
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length >>> 2);
  let sum = aligned.length;
  for (let i = 0; i < words.length; i++) sum = Math.imul(sum ^ words[i], 16777619);
  for (let i = 4 * words.length; i < aligned.length; i++) sum = Math.imul(sum ^ aligned[i], 16777619);
  return sum >>> 0;
}

function coin(): boolean {
  return Math.random() < 0.5;
}
