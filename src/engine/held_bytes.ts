// The bytes of a value or an array that have come with the lock that was made for it, and go with its release (cell.ts).

import type { ObjectHandle } from "./handles.ts";
import type { Session, StepArgument } from "./session.ts";

/** From where to where bytes were written, of which the engine is being told. */
export interface Written {
  readonly from: number;
  readonly to: number;
  /** How a step says it; empty if nothing was written. */
  readonly words: readonly StepArgument[];
}

const NOTHING: Written = { from: Infinity, to: 0, words: [] };

/**
 * What has come with a lock that this thread holds, whichever of its objects of that lock it was acquired by. The number of
 * the acquisition says whether it is still true: another has come with the next.
 */
export class HeldBytes {
  /** By the trees' sessions, and by what the engine calls the locks. */
  static readonly #known = new WeakMap<Session, Map<string, WeakRef<HeldBytes>>>();
  static readonly #collected = new FinalizationRegistry<() => void>((forget) => forget());

  /** Of the lock of that handle, if something in this thread travels with it. */
  static find(session: Session, lock: string): HeldBytes | null {
    return HeldBytes.#known.get(session)?.get(lock)?.deref() ?? null;
  }

  /** The same; made, if there is none yet. */
  static of({ session, id }: ObjectHandle): HeldBytes {
    const locks = HeldBytes.#known.get(session) ?? new Map<string, WeakRef<HeldBytes>>();
    HeldBytes.#known.set(session, locks);
    const known = locks.get(id)?.deref();
    if (known !== undefined) return known;
    const made = new HeldBytes();
    const ref = new WeakRef(made);
    locks.set(id, ref);
    HeldBytes.#collected.register(made, () => {
      if (locks.get(id) === ref) locks.delete(id);
    });
    return made;
  }

  /** The acquisition that the bytes have come with. */
  #token = 0;
  #bytes: Uint8Array<ArrayBuffer> | null = null;
  /** From where to where bytes were written that the engine was not told of; empty if none were. */
  #from = Infinity;
  #to = 0;

  /** The bytes, while this is the acquisition; `null` where none have come with it. They are not for others to keep. */
  at(token: number): Uint8Array<ArrayBuffer> | null {
    return token === this.#token ? this.#bytes : null;
  }

  /** The lock has been acquired, and these have come with it; of an acquisition that is known, what is here is newer. */
  took(token: number, bytes: Uint8Array): void {
    if (this.at(token) !== null) return;
    this.#token = token;
    this.#bytes = new Uint8Array(bytes);
    this.#from = Infinity;
    this.#to = 0;
  }

  /** The engine is being told what was written: by a release, or a condition's wait. */
  giving(token: number): Written {
    const [from, to, bytes] = [this.#from, this.#to, this.at(token)];
    if (bytes === null || from >= to) return NOTHING;
    this.#from = Infinity;
    this.#to = 0;
    return { from, to, words: [from, bytes.slice(from, to)] };
  }

  /** The engine was not told of that, and will not be: it is for the next release. */
  keep({ from, to }: Written): void {
    this.#from = Math.min(this.#from, from);
    this.#to = Math.max(this.#to, to);
  }

  /** Writes; only what has come. */
  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#bytes!.set(bytes, offset);
    this.#from = Math.min(this.#from, offset);
    this.#to = Math.max(this.#to, offset + bytes.length);
  }
}
