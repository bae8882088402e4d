// Where the processes of a tree find a manager's server: what every message with a proxy in it names.

import { Channel } from "../queues/channel.ts";
import { partsOf } from "../addon/handles.ts";
import { register } from "../reduction/registry.ts";

/** What is known of a server's process. */
export interface ServerFacts {
  readonly pid: number;
  readonly name: string;
  /** Of its thread: tells whether it lives, and how it ended. 0 if the server has not said so yet. */
  readonly token: number;
}

/** A server's bell, and which server that is. */
export class Gate {
  static {
    register(Gate, {
      name: "multiprocessing.managers.Gate",
      reduce: ({ number, bell, facts: { pid, name, token } }) => [number, bell, pid, name, token],
      restore: (data) => {
        const [number, bell, pid, name, token] = partsOf(data, "a manager's proxy");
        if (
          !(bell instanceof Channel) || typeof number !== "number" || typeof pid !== "number" ||
          typeof name !== "string" || typeof token !== "number"
        ) throw new RangeError("Cannot restore a manager's proxy: it does not say which server it is of");
        return new Gate(number, bell, { pid, name, token });
      },
    });
  }

  /** The server's, at random. */
  readonly number: number;
  readonly bell: Channel;
  facts: ServerFacts;

  constructor(number: number, bell: Channel, facts: ServerFacts) {
    this.number = number;
    this.bell = bell;
    this.facts = facts;
  }
}

/** A number at random that is not used for anything else: 53 bits, never 0. */
export function randomNumber(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0x1fffff) * 2 ** 32 + low || randomNumber();
}

let current: Gate | null = null;

/** The server between which and a client a message is being written or read; `null` for any other message. */
export function currentGate(): Gate | null {
  return current;
}

/** Writes or reads a message between a server and a client: proxies of its objects need not say which server that is. */
export function passWithin<T>(gate: Gate, act: () => T): T {
  const outer = current;
  current = gate;
  try {
    return act();
  } finally {
    current = outer;
  }
}
