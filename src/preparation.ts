// What a parent (launch.ts) tells its child (child_main.ts) before anything else: the message types they share, and
// the bytes they are sent in.

import { whileStarting } from "./authkey.ts";
import { readWhole } from "./connection/arrival.ts";
import type { FunctionReference } from "./callable_types.ts";
import type { LoggerState } from "./logging.ts";
import { dumps, loads } from "./reduction.ts";
import type { StartMethod } from "./start_method.ts";

/** What a child must know before it can import the user's modules. */
export interface Preparation {
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
  /** How it was started, and by default starts its own children. */
  startMethod: StartMethod;
  /** The function to run. */
  target: FunctionReference | null;
  /** The class of the process object, if that has a `run` of its own. */
  process: FunctionReference | null;
}

/** What can be read only when the user's modules, and with them their classes, have been imported. */
export interface Belongings {
  /** What the target is called with. */
  args: readonly unknown[];
  /** The own properties of the process object, if its class travels. */
  state: Readonly<Record<string, unknown>>;
}

/** The bytes of a preparation, and the shared objects that they speak of. */
export interface PreparationMessage {
  bytes: Uint8Array<ArrayBuffer>;
  attachments: number[];
}

/**
 * A preparation and the belongings, one behind the other. The first is JSON: V8 reads that before a child could have
 * compiled the decoder, which a target without arguments does not need.
 */
export function writePreparation(preparation: Preparation, { args, state }: Belongings): PreparationMessage {
  const head = new TextEncoder().encode(JSON.stringify(preparation));
  const isEmpty = args.length === 0 && Object.keys(state).length === 0;
  const tail = isEmpty ? { bytes: new Uint8Array(), attachments: [] } : whileStarting(() => dumps([args, state]));
  const bytes = new Uint8Array(4 + head.length + tail.bytes.length);
  new DataView(bytes.buffer).setUint32(0, head.length);
  bytes.set(head, 4);
  bytes.set(tail.bytes, 4 + head.length);
  return { bytes, attachments: [...tail.attachments] };
}

/** The preparation, and a function that reads the belongings. */
export function readPreparation(bytes: Uint8Array): { preparation: Preparation; belongings: () => Belongings } {
  const split = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return {
    preparation: JSON.parse(new TextDecoder().decode(bytes.subarray(4, split))),
    belongings: () => {
      if (split === bytes.length) return { args: [], state: {} };
      const [args, state] = readWhole(() => loads(bytes, split)) as [Belongings["args"], Belongings["state"]];
      return { args, state };
    },
  };
}
