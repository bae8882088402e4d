// How long each of many operations takes, one after the other: a JSON list of nanoseconds. The CPython twin is
// ../python/latency.py.

import { Event, Lock, Manager, Pipe, Pool, Queue, RawArray } from "@parallel/multiprocessing";
import { begin, finish, iterations, lineUp, type StartLine, variant } from "./start_line.ts";

const PACKET = new Uint8Array(64).fill(7);

/** Nanoseconds of each of so many; a tenth more is done before, to warm up. */
function timesOf(n: number, once: () => void): number[] {
  const times: number[] = [];
  for (let i = -n / 10; i < n; i++) {
    const begin = performance.now();
    once();
    const time = performance.now() - begin;
    if (i >= 0) times.push(time * 1e6);
  }
  return times;
}

async function timesLater(n: number, once: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = -n / 10; i < n; i++) {
    const begin = performance.now();
    await once();
    const time = performance.now() - begin;
    if (i >= 0) times.push(time * 1e6);
  }
  return times;
}

export function serveQueue(line: StartLine, _: number, requests: Queue<number>, replies: Queue<number>): void {
  lineUp(line, 0);
  for (let got = requests.getSync(); got >= 0; got = requests.getSync()) replies.putSync(got);
}

function queue(n: number): number[] {
  const [requests, replies] = [new Queue<number>(), new Queue<number>()];
  const { processes } = begin(serveQueue, 1, requests, replies);
  requests.putSync(1);
  replies.getSync();
  const times = timesOf(n, () => {
    requests.putSync(1);
    replies.getSync();
  });
  requests.putSync(-1);
  finish(processes);
  return times;
}

export function serveEvent(line: StartLine, _: number, asked: Event, answered: Event, turns: number): void {
  lineUp(line, 0);
  for (let i = 0; i < turns; i++) {
    asked.waitSync();
    asked.clear();
    answered.set();
  }
}

function event(n: number): number[] {
  const [asked, answered] = [new Event(), new Event()];
  const once = () => {
    asked.set();
    answered.waitSync();
    answered.clear();
  };
  const { processes } = begin(serveEvent, 1, asked, answered, 1 + n + Math.ceil(n / 10));
  once();
  const times = timesOf(n, once);
  finish(processes);
  return times;
}

export function serveConnection(line: StartLine, _: number, end: ReturnType<typeof Pipe>[0]): void {
  lineUp(line, 0);
  for (let got = end.recvBytesSync(); got.length > 0; got = end.recvBytesSync()) end.sendBytesSync(got);
}

function connection(n: number): number[] {
  const [end, other] = Pipe();
  const { processes } = begin(serveConnection, 1, other);
  end.sendBytesSync(PACKET);
  end.recvBytesSync();
  const times = timesOf(n, () => {
    end.sendBytesSync(PACKET);
    end.recvBytesSync();
  });
  end.sendBytesSync(new Uint8Array(0));
  finish(processes);
  return times;
}

export function square(x: number): number {
  return x * x;
}

async function pool(n: number): Promise<number[]> {
  await using two = new Pool(2);
  return await timesLater(n, () => two.apply(square, [3]));
}

async function manager(n: number): Promise<number[]> {
  const server = await Manager();
  const { sync } = await server.dict([["key", 1]]);
  const times = timesOf(n, () => sync.get("key"));
  await server.shutdown();
  return times;
}

/** The words that the two of a hand-over share: who is to take the lock next, and whether that one is about to. */
interface Turn {
  readonly words: Int32Array;
  /** When the lock was released, by the clock that both read. */
  readonly released: Float64Array;
  readonly times: Float64Array;
}

/** Waits until a word is so; its change is not what is measured. */
function see(words: Int32Array, index: number, value: number): void {
  while (Atomics.load(words, index) !== value) { /* the other is about to */ }
}

/** Long enough for the other to have begun to wait for the lock, in milliseconds. */
const PAUSE = 0.02;

function pause(): void {
  const end = performance.now() + PAUSE;
  while (performance.now() < end) { /* the other goes to wait */ }
}

/** Takes the lock that the other holds, as often as there are times to note. */
export function taker(line: StartLine, lane: number, lock: Lock, turn: Turn, origin: number): void {
  const { words, released, times } = turn;
  const offset = performance.timeOrigin - origin;
  lineUp(line, lane);
  for (let i = 0; i < times.length; i++) {
    see(words, 0, i + 1);
    Atomics.store(words, 1, i + 1);
    lock.acquireSync();
    times[i] = (performance.now() + offset - released[0]) * 1e6;
    lock.release();
    Atomics.store(words, 2, i + 1);
  }
}

/** Holds the lock until the other waits for it; notes when it lets go. */
export function giver(line: StartLine, lane: number, lock: Lock, turn: Turn, origin: number): void {
  const { words, released, times } = turn;
  const offset = performance.timeOrigin - origin;
  lineUp(line, lane);
  for (let i = 0; i < times.length; i++) {
    lock.acquireSync();
    Atomics.store(words, 0, i + 1);
    see(words, 1, i + 1);
    pause();
    released[0] = performance.now() + offset;
    lock.release();
    see(words, 2, i + 1);
  }
}

export function handOver(line: StartLine, lane: number, ...rest: [lock: Lock, turn: Turn, origin: number]): void {
  (lane === 0 ? giver : taker)(line, lane, ...rest);
}

function lock(n: number): number[] {
  const turn = { words: RawArray("i32", 3), released: RawArray("f64", 1), times: RawArray("f64", n + n / 10) };
  finish(begin(handOver, 2, new Lock(), turn, performance.timeOrigin).processes);
  return [...turn.times.subarray(n / 10)].map((time) => Math.max(1, time));
}

const VARIANTS: Record<string, (n: number) => number[] | Promise<number[]>> = {
  queue,
  event,
  connection,
  pool,
  manager,
  lock,
};

if (import.meta.main) {
  const times = await VARIANTS[variant(VARIANTS)](iterations());
  console.log(JSON.stringify({ times: times.map(Math.round) }));
}
