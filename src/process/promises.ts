// Gives late references (callable/late.ts) their parts: a lock that their sender holds, and shared memory. Imported for
// that by process.ts, without which nobody sends a function to another process.

import { makePromisesOf, type PromiseLock } from "../callable/late.ts";
import { RawArray } from "../sharedctypes/factories.ts";
import { Lock } from "../synchronize/lock.ts";

makePromisesOf({
  lock: () => new Lock(),
  bytes: (size) => RawArray("B", size),
  isLock: (value): value is PromiseLock => value instanceof Lock,
});
