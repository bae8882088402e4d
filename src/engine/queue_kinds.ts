// What queues in an engine are made with, and what of that travels with them.

import { partsOf } from "../addon/handles.ts";
import { type NameOptions, objectName } from "../runtime/object_name.ts";
import { requireCount } from "../waiting/count.ts";
import { requireKnown } from "../waiting/options.ts";
import type { InvalidStateError } from "../errors.ts";
import { ObjectHandle } from "./handles.ts";
import type { Session } from "./session.ts";

/** The largest `maxsize`. */
const MAXSIZE_LIMIT = 2 ** 31 - 1;
const MOST_DELIVERIES = 255;
/** What becomes of values that a process has taken, and not dealt with when it ends. */
export type OnConsumerDeath = "lose" | "redeliver" | "throw";

/**
 * Options of queues in an engine.
 *
 * @example What a process had taken goes to another one when it is killed
 * ```ts ignore
 * import { type EngineUrl, getContext } from "@parallel/multiprocessing";
 *
 * const mp = getContext(Deno.env.get("MULTIPROCESSING_URL") as EngineUrl, { authkey: Deno.readFileSync("mp.key") });
 *
 * export async function take(queue: InstanceType<typeof mp.Queue<string>>): Promise<void> {
 *   await queue.get();
 *   Deno.kill(Deno.pid, "SIGKILL");
 * }
 *
 * if (import.meta.main) {
 *   const queue = new mp.Queue<string>(0, { onConsumerDeath: "redeliver" });
 *   await queue.put("a job");
 *   const process = new mp.Process({ target: take, args: [queue] });
 *   process.start();
 *   await process.join();
 *   console.log(process.exitcode, await queue.get()); // -9 a job
 * }
 * ```
 */
export interface RemoteQueueOptions extends NameOptions {
  /**
   * What becomes of a value whose consumer's process ends unexpectedly. `"lose"` (default): it is lost, as locally.
   * `"redeliver"`: it is given to another one, unless the consumer had asked for the next value since.
   */
  onConsumerDeath?: "lose" | "redeliver";
  /** How often a value is given to consumers that die, before it is put aside for `lost()`. Default: 3. */
  maxDeliveries?: number;
}

/** How a queue travels. */
export type QueueData = readonly [id: string, maxsize: number, policy: OnConsumerDeath, name?: string];

/** A queue that is there. */
export interface Existing {
  readonly handle: ObjectHandle;
  readonly maxsize: number;
  readonly policy: OnConsumerDeath;
}

/** What distinguishes the kinds of queues. */
export interface QueueKind {
  readonly kind: "queue" | "joinable";
  readonly policies: readonly OnConsumerDeath[];
}

/** Of queues that do not count tasks. */
export const PLAIN: QueueKind = { kind: "queue", policies: ["lose", "redeliver"] };

/** A new queue. */
export function create(session: Session, maxsize: unknown, options: object, { kind, policies }: QueueKind): Existing {
  const action = "create a queue";
  requireCount(action, "maxsize", maxsize, { least: -Infinity, most: MAXSIZE_LIMIT });
  requireKnown(action, options, ["name", "onConsumerDeath", "maxDeliveries"]);
  const { onConsumerDeath: policy = policies[0], maxDeliveries = 3, ...rest } = options as RemoteQueueOptions;
  if (!policies.includes(policy)) {
    const wanted = policies.map((it) => `"${it}"`).join(" or ");
    throw new TypeError(`Cannot ${action}: "onConsumerDeath" is ${Deno.inspect(policy)}, wanted ${wanted}`);
  }
  requireCount(action, "maxDeliveries", maxDeliveries, { least: 1, most: MOST_DELIVERIES });
  const most = Math.max(0, maxsize);
  const handle = ObjectHandle.make(session, kind, objectName(action, rest), most, policy, maxDeliveries);
  return { handle, maxsize: most, policy };
}

/**
 * The queue that a message names.
 *
 * @throws {RangeError} If that is none.
 */
export function existing(data: unknown, { policies }: QueueKind): Existing {
  const [id, maxsize, policy, ...name] = partsOf(data, "a queue");
  const isMaxsize = Number.isInteger(maxsize) && maxsize as number >= 0 && maxsize as number <= MAXSIZE_LIMIT;
  if (!isMaxsize || !policies.includes(policy as OnConsumerDeath)) {
    throw new RangeError("Cannot restore a queue: its description is malformed");
  }
  const handle = ObjectHandle.adopt([id, ...name]);
  return { handle, maxsize: maxsize as number, policy: policy as OnConsumerDeath };
}

/** What the classes that are made of a queue need of its inside. */
export interface QueueInside {
  readonly session: Session;
  id(action: string): string;
  readonly handle: ObjectHandle;
  /** What is thrown where it was closed. */
  closed(action: string): InvalidStateError;
  reference(): QueueData;
  readonly label: string;
}

/** Names the method by which the classes that are made of a queue look into it. */
export const inside: unique symbol = Symbol("inside");
