// The bytes of a value or an array that have come with the lock that was made for it, and go with its release (cell.ts).

import type { ObjectHandle } from "./handles.ts";
import type { Session } from "./session.ts";

/** What has come with a lock that this thread holds, whichever of its objects of that lock it was acquired by. */
export class HeldBytes {
  /** By the trees' sessions, and by what the engine calls the locks. */
  static readonly #known = new WeakMap<Session, Map<string, WeakRef<HeldBytes>>>();
  static readonly #collected = new FinalizationRegistry<() => void>((forget) => forget());

  /** Of the lock of that handle, if something in this thread travels with it. */
  static find({ session, id }: ObjectHandle): HeldBytes | null {
    return HeldBytes.#known.get(session)?.get(id)?.deref() ?? null;
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

  #levels = 0;
  #bytes: Uint8Array<ArrayBuffer> | null = null;
  /** From where to where bytes were written; empty if none were. */
  #from = Infinity;
  #to = 0;

  /** The bytes; `null` where they have not come. They are not for others to keep. */
  get bytes(): Uint8Array<ArrayBuffer> | null {
    return this.#bytes;
  }

  /** The lock has been acquired, and these have come with it. */
  took(bytes: Uint8Array): void {
    if (this.#levels++ === 0) this.#bytes = new Uint8Array(bytes);
  }

  /** The lock is being released: what goes with that. */
  giving(): (number | Uint8Array)[] {
    if (this.#levels === 0) return [];
    const [from, to, bytes] = [this.#from, this.#to, this.#bytes!];
    this.#from = Infinity;
    this.#to = 0;
    if (--this.#levels === 0) this.#bytes = null;
    return from < to ? [from, bytes.slice(from, to)] : [];
  }

  /** All levels are being let go, as a condition's wait does. Bytes that come again afterwards are of the first level. */
  givingAll(): (number | Uint8Array)[] {
    this.#levels = Math.min(this.#levels, 1);
    return this.giving();
  }

  /** Writes; only what has come. */
  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#bytes!.set(bytes, offset);
    this.#from = Math.min(this.#from, offset);
    this.#to = Math.max(this.#to, offset + bytes.length);
  }
}
