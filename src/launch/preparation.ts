// The first message of a parent (launch.ts) to its child (child/main.ts): the types that both halves share, and the
// bytes that they are sent in.

import { readWhole } from "../connection/arrival.ts";
import { isLate, type LateReference, type TravellingReference } from "../callable/late.ts";
import type { PythonReference } from "../callable/python_reference.ts";
import type { FunctionReference } from "../callable/types.ts";
import type { LoggerState } from "../runtime/logging.ts";
import { dumpsForStart, read } from "../reduction/serialise.ts";
import { discard } from "../reduction/registry.ts";
import type { StartMethod } from "./settings.ts";

/** What a child must know of itself before it can import the user's modules. */
export interface Facts {
  /** The name of the process, and the numbers that its default name is made of. */
  name: string;
  identity: number[];
  daemon: boolean;
  /** The bytes of the key it inherits. */
  authkey: readonly number[];
  /** How its logger is set. */
  logger: LoggerState;
  /** The parent's main module, which the child imports as a module among others; `null` if it has none. */
  mainModule: string | null;
  /**
   * Whether the main module says when it is the main one. If not, what it starts later, when it has been imported, is
   * refused, too: each child would start the next.
   */
  isGuarded: boolean;
  /** The directory the root was started in: relative paths on its command line mean this. */
  initialDirectory: string;
  /** The directory to go to, where it was not started in the right one; else `null`. */
  directory: string | null;
  /** Whether it is to load the classes of managers first, as its parent has. */
  hasManagers: boolean;
  /** How it was started, and by default starts its own children. */
  startMethod: StartMethod;
  /** The function to run, if it is a Python process; absent otherwise. python/deno_multiprocessing/_boot.py reads it. */
  python?: PythonFacts;
  /** Its place in a tree on several machines, if it was started for a process of that; absent otherwise. */
  remote?: RemoteFacts;
}

/** What a Python process runs: as {@linkcode PythonReference} has it. */
export type PythonFacts = Pick<PythonReference, "module" | "name" | "folder">;

/** What a process is told of its tree that was started for a process on another machine: see engine/boot.ts. */
export interface RemoteFacts {
  /** Where the engine is, as its machine reaches it, and as the root's context is known. */
  url: string;
  shown: string;
  /** The tree: 32 hexadecimal digits. */
  tree: string;
  /** What it is in the tree, and the process object of its parent. */
  member: number;
  object: string;
  /** The objects that its arguments speak of. */
  objects: string;
  /** The name of its machine. */
  host: string;
  parent: RemoteParentFacts;
  /** The options of the root's context. */
  plan: unknown;
  /** The folder of the program here, if it was sent. */
  folder: string | null;
}

/** What a process is told of the one that started it from another machine. */
export interface RemoteParentFacts {
  member: number;
  pid: number;
  name: string;
  host: string;
}

/** What a child is told first: the facts, and what it is to run as far as that is known. */
export interface Preparation extends Facts {
  /** The function to run. */
  target: FunctionReference | null;
  /** The class of the process object, if that has a `run` of its own. */
  process: FunctionReference | null;
}

/** What a process works with. It can be read only when the user's modules, and with them their classes, are there. */
export interface Arguments {
  /** What the target is called with. */
  args: readonly unknown[];
  /** The own properties of the process object, if its class travels; of a Python process, its keyword arguments. */
  state: Readonly<Record<string, unknown>>;
}

/** The bytes of a preparation, and the shared objects that they speak of. */
export interface PreparationMessage {
  bytes: Uint8Array<ArrayBuffer>;
  attachments: number[];
}

/**
 * The target and class of a process. References that follow later are in shared memory, so JSON has no place for them.
 */
export interface ToRun {
  target: TravellingReference | null;
  process: TravellingReference | null;
}

/** Those of them that follow later. */
type LateWork = [target: LateReference | null, process: LateReference | null];

const LENGTH_BYTES = 4;

/**
 * A preparation, what follows later and the arguments, one behind the other. The first is JSON: V8 reads that before a
 * child could have compiled the decoder, which a target without arguments does not need.
 *
 * @param work The arguments, or the bytes of a message that has them.
 */
export function writePreparation(
  facts: Facts,
  { target, process }: ToRun,
  work: Arguments | Uint8Array,
): PreparationMessage {
  const late: LateWork = [target && isLate(target) ? target : null, process && isLate(process) ? process : null];
  const preparation = {
    ...facts,
    target: late[0] === null ? target : null,
    process: late[1] === null ? process : null,
  };
  const head = { bytes: new TextEncoder().encode(JSON.stringify(preparation)), attachments: [] };
  const follows = written(late, late.every((it) => it === null));
  let tail: PreparationMessage;
  try {
    tail = work instanceof Uint8Array ? { bytes: Uint8Array.from(work), attachments: [] } : writtenArguments(work);
  } catch (error) {
    discard(follows.attachments);
    throw error;
  }
  const parts = [head, follows, tail];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + LENGTH_BYTES + part.bytes.length, 0));
  let at = 0;
  for (const part of parts) {
    new DataView(bytes.buffer).setUint32(at, part.bytes.length);
    bytes.set(part.bytes, at + LENGTH_BYTES);
    at += LENGTH_BYTES + part.bytes.length;
  }
  return { bytes, attachments: parts.flatMap((part) => part.attachments) };
}

function writtenArguments({ args, state }: Arguments): PreparationMessage {
  return written([args, state], args.length === 0 && Object.keys(state).length === 0);
}

function written(value: unknown, isEmpty: boolean): PreparationMessage {
  if (isEmpty) return { bytes: new Uint8Array(), attachments: [] };
  const { bytes, attachments } = dumpsForStart(value);
  return { bytes, attachments: [...attachments] };
}

/** What a preparation says. */
export interface ReadPreparation {
  preparation: Preparation;
  /** Reads what the process is to run. */
  toRun: () => ToRun;
  /** Reads what it works with: as the parent's message, or by `reader` if somebody else has written it. */
  readArguments: (reader?: (bytes: Uint8Array) => unknown) => Arguments;
}

/** Takes a preparation apart. */
export function readPreparation(bytes: Uint8Array): ReadPreparation {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const from = at + LENGTH_BYTES;
    at = from + new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
    parts.push(bytes.subarray(from, at));
  }
  const [head, late, tail] = parts;
  const preparation: Preparation = JSON.parse(new TextDecoder().decode(head));
  return {
    preparation,
    toRun() {
      const [target, process] = late.length === 0 ? [null, null] : received(late) as LateWork;
      return { target: target ?? preparation.target, process: process ?? preparation.process };
    },
    readArguments(reader = received) {
      if (tail.length === 0) return { args: [], state: {} };
      const [args, state] = reader(tail) as [Arguments["args"], Arguments["state"]];
      return { args, state };
    },
  };
}

/** What the parent has written, whole. */
function received(bytes: Uint8Array): unknown {
  return readWhole((message) => read(bytes, 0, bytes.length, message));
}
