// Lock of an engine. It has no owner as far as releasing goes; what it shares with RLock is lock_base.ts.

import { partsOf } from "../addon/handles.ts";
import type { LockLike } from "../contracts/synchronize.ts";
import { InvalidStateError } from "../errors.ts";
import { register } from "../reduction/registry.ts";
import type { LockOptions } from "../synchronize/lock_base.ts";
import { ObjectHandle } from "./handles.ts";
import { openLock, RemoteLockBase } from "./lock_base.ts";
import type { Session } from "./session.ts";

/** As `Lock`, for the processes of a tree on several machines. */
export class RemoteLock extends RemoteLockBase implements LockLike {
  static {
    register(RemoteLock, {
      name: "engine.Lock",
      reduce: (lock) => lock.data(),
      restore(data) {
        const [id, throws, name] = partsOf(data, "a Lock");
        return new RemoteLock(ObjectHandle.adopt(name === undefined ? [id] : [id, name]), throws === true);
      },
    });
  }

  /** @ignore */
  readonly kindName = "Lock";
  /** @ignore */
  protected readonly isRecursive = false;

  /** A lock that is free. */
  constructor(session: Session, options?: LockOptions);
  /** @ignore The lock that a message names. */
  constructor(handle: ObjectHandle, throws: boolean);
  constructor(first: Session | ObjectHandle, second: LockOptions | boolean = {}) {
    super(...openLock("lock", first, second));
  }

  /** @ignore The error of a release without a hold. */
  protected override notHeld(): Error {
    return new InvalidStateError(
      `Cannot release the ${this.described}: it is not held; semaphore or lock released too many times`,
    );
  }

  /** As CPython shows it: `<Lock(owner=None)>`, or the name of the process that holds it. */
  override toString(): string {
    return this.text((owner) => `owner=${owner}`);
  }
}
