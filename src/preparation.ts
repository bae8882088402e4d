// What a parent (launch.ts) tells its child (child_main.ts) before anything else: the message types they share, and
// the bytes they are sent in.

import { type AuthenticationString, whileStarting } from "./authkey.ts";
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
  /** The key it inherits. */
  authkey: AuthenticationString;
  /** How its logger is set. */
  logger: LoggerState;
  /** The parent's main module, which the child imports as a module among others; `null` if it has none. */
  mainModule: string | null;
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

/** A preparation and the belongings: two messages, one behind the other. */
export function writePreparation(preparation: Preparation, { args, state }: Belongings): PreparationMessage {
  const [head, tail] = whileStarting(() => [dumps(preparation), dumps([args, state])]);
  const bytes = new Uint8Array(4 + head.bytes.length + tail.bytes.length);
  new DataView(bytes.buffer).setUint32(0, head.bytes.length);
  bytes.set(head.bytes, 4);
  bytes.set(tail.bytes, 4 + head.bytes.length);
  return { bytes, attachments: [...tail.attachments] };
}

/** The preparation, and a function that reads the belongings. */
export function readPreparation(bytes: Uint8Array): { preparation: Preparation; belongings: () => Belongings } {
  const split = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return {
    preparation: loads(bytes, 4, split) as Preparation,
    belongings: () => {
      const [args, state] = loads(bytes, split) as [Belongings["args"], Belongings["state"]];
      return { args, state };
    },
  };
}
