// A request and the bytes of its answer, within limits. An answer that comes after these is given to who has said so.

import { performance } from "../../runtime/timing.ts";
import { Watch } from "../../waiting/limits.ts";
import { late, type Limits } from "./limits.ts";
import type { Wire } from "./wire.ts";

/** Is given the answer to a request that was given up; `null` if the connection has ended before. */
export type LateTaker = (bytes: Uint8Array | null) => void;

/** The answer; `null` if the connection has ended. Throws when a limit is reached. */
export async function roundTrip(
  wire: Wire,
  bytes: Uint8Array,
  { asked, until, timeout, signal }: Limits,
  onLate?: LateTaker,
): Promise<Uint8Array | null> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | null>();
  let isGivenUp = false;
  const told = (answer: Uint8Array | null) => isGivenUp ? onLate?.(answer) : resolve(answer);
  wire.send(bytes, { take: told, fail: () => told(null) });
  if (until === Infinity && signal === undefined) return await promise;
  const giveUp = (reason: unknown) => {
    isGivenUp = true;
    reject(reason);
  };
  const left = until === Infinity ? Infinity : Math.max(0, until - performance.now());
  using _ = new Watch({ timeout: left, signal }, { late: () => giveUp(late(asked, timeout)), aborted: giveUp });
  return await promise;
}

/** As {@linkcode roundTrip}, blocking the thread. */
export function roundTripSync(
  wire: Wire,
  bytes: Uint8Array,
  { asked, until, timeout }: Limits,
  onLate?: LateTaker,
): Uint8Array | null {
  let answer: Uint8Array | null | undefined;
  let isGivenUp = false;
  const told = (bytes: Uint8Array | null) => isGivenUp ? onLate?.(bytes) : void (answer = bytes);
  wire.send(bytes, { take: told, fail: () => told(null) });
  wire.waitSync(() => answer !== undefined, until);
  if (answer !== undefined) return answer;
  isGivenUp = true;
  throw late(asked, timeout);
}
