// What users can measure in a setting of their own: the options of each subject.

import type { Options } from "./options.ts";

export interface Subject {
  readonly says: string;
  readonly options: Options;
  /** Mode of `native/settings.c` that is the floor, and the options whose values it takes, in order. */
  readonly floor?: (setting: Readonly<Record<string, number | string>>) => readonly string[] | null;
}

/** Of every subject. */
const COMMON: Options = {
  seconds: { number: 1, least: 0.01, isWhole: false, says: "how long each run works" },
  repeats: { number: 3, least: 1, says: "runs of each side, in turn" },
};

const SIZE = { number: 1024, least: 0, says: "bytes in a message" };
const PROCESSES = { number: 2, least: 1, says: "processes at once" };

export const SUBJECTS: Readonly<Record<string, Subject>> = {
  queue: {
    says: "messages of bytes through a Queue",
    options: {
      size: SIZE,
      producers: { number: 1, least: 1, says: "processes that put" },
      consumers: { number: 1, least: 1, says: "processes that get" },
      maxsize: { number: 0, least: 0, says: "messages that the queue holds; 0: as many as 64 MiB, at most 10000" },
      ...COMMON,
    },
    floor: ({ size, producers, consumers }) =>
      producers === 1 && consumers === 1 && Number(size) > 0 ? ["ring", `${size}`] : null,
  },
  connection: {
    says: "messages of bytes over a Pipe",
    options: {
      size: { ...SIZE, least: 1 },
      way: { word: "one-way", oneOf: ["one-way", "ping-pong"], says: "only there, or there and back" },
      ...COMMON,
    },
    floor: ({ size, way }) => [way === "one-way" ? "stream" : "echo", `${size}`],
  },
  lock: {
    says: "pairs of acquire and release by processes that want the same lock",
    options: {
      kind: { word: "Lock", oneOf: ["Lock", "RLock", "Semaphore"], says: "which lock" },
      processes: PROCESSES,
      hold: { number: 0, least: 0, says: "steps of a loop while it is held" },
      ...COMMON,
    },
    floor: ({ kind, processes, hold }) => kind === "Lock" && hold === 0 ? ["lock", `${processes}`] : null,
  },
  pool: {
    says: "calls of a Pool",
    options: {
      workers: { number: 2, least: 1, says: "processes of the pool" },
      call: { word: "apply", oneOf: ["apply", "map", "imap", "imapUnordered"], says: "which method" },
      items: { number: 1000, least: 1, says: "items of each map or imap, or applies under way at once" },
      chunksize: { number: 0, least: 0, says: "items of a chunk; 0: as by default" },
      work: { number: 0, least: 0, says: "steps of a loop that each task computes" },
      size: { number: 0, least: 0, says: "bytes of the argument, and of the result" },
      ...COMMON,
    },
  },
  process: {
    says: "processes that are started, do nothing, and are joined",
    options: {
      method: { word: "spawn", oneOf: ["spawn", "forkserver"], says: "start method" },
      together: { number: 1, least: 1, says: "so many are started at once, then all are joined" },
      ...COMMON,
    },
    floor: ({ together }) => together === 1 ? ["start", "0"] : null,
  },
  manager: {
    says: "calls of a manager's dict",
    options: {
      clients: { number: 1, least: 1, says: "processes that call" },
      call: { word: "get", oneOf: ["get", "set"], says: "which method" },
      size: { number: 0, least: 0, says: "bytes of the value; 0: a number" },
      ...COMMON,
    },
  },
  shared: {
    says: "an array in shared memory, a part for each process",
    options: {
      processes: PROCESSES,
      size: { number: 64 * 2 ** 20, least: 1024, says: "bytes of the array" },
      way: { word: "copy", oneOf: ["copy", "sum"], says: "copy into it as a block, or add up its numbers" },
      ...COMMON,
    },
    floor: ({ processes, size, way }) => way === "copy" ? ["copy", `${size}`, `${processes}`] : null,
  },
};
