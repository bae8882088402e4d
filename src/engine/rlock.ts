// RLock of an engine: its owner is a thread of a member. What it shares with Lock is lock_base.ts.

import { partsOf } from "../addon/handles.ts";
import type { LockLike } from "../contracts/synchronize.ts";
import { InvalidStateError } from "../errors.ts";
import { register } from "../reduction/registry.ts";
import type { LockOptions } from "../synchronize/lock_base.ts";
import { ObjectHandle } from "./handles.ts";
import { openLock, RemoteLockBase } from "./lock_base.ts";
import type { Session } from "./session.ts";

/**
 * As `RLock`, for the processes of a tree on several machines. Promises of one thread share it, as they do locally; going
 * deeper into one that this thread holds asks nobody.
 */
export class RemoteRLock extends RemoteLockBase implements LockLike {
  static {
    register(RemoteRLock, {
      name: "engine.RLock",
      reduce: (lock) => lock.data(),
      restore(data) {
        const [id, throws, name] = partsOf(data, "a RLock");
        return new RemoteRLock(ObjectHandle.adopt(name === undefined ? [id] : [id, name]), throws === true);
      },
    });
  }

  /** @ignore */
  readonly kindName = "RLock";
  /** @ignore */
  protected readonly isRecursive = true;

  /** A lock that is free. */
  constructor(session: Session, options?: LockOptions);
  /** @ignore The lock that a message names. */
  constructor(handle: ObjectHandle, throws: boolean);
  constructor(first: Session | ObjectHandle, second: LockOptions | boolean = {}) {
    super(...openLock("rlock", first, second));
  }

  /** @ignore The error of a release without a hold. */
  protected override notHeld(): Error {
    return new InvalidStateError(
      `Cannot release the ${this.described}: attempt to release recursive lock not owned by thread`,
    );
  }

  /** As CPython shows it: `<RLock(owner, depth)>`, depth `nonzero` if somebody else holds it. */
  override toString(): string {
    return this.text((owner, depth) => `${owner}, ${depth}`);
  }
}
