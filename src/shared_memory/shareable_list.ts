// ShareableList: a list of fixed length in named shared memory, which CPython reads and writes as its own.

import { partsOf } from "../addon/handles.ts";
import { register } from "../reduction/registry.ts";
import { inOneLine, quoted } from "../runtime/harmless.ts";
import { showAsText } from "../runtime/shown.ts";
import { withUsersFrames } from "../runtime/stack.ts";
import { requireKnown } from "../waiting/options.ts";
import { areEqual, itemOf, lengthOf, type Shareable, type Shared, stored } from "./items.ts";
import { type Kind, Layout, LONGEST_TEXT, type Stored, textLength, WORD } from "./layout.ts";
import { SharedMemory, type SharedMemoryOptions } from "./shared_memory.ts";

/** Options of {@linkcode ShareableList}. */
export type ShareableListOptions = Pick<SharedMemoryOptions, "name" | "track">;

/**
 * A list in shared memory: its length and the room of each item are fixed, its items can be replaced. As
 * `multiprocessing.shared_memory.ShareableList`, which uses the same blocks.
 *
 * Nothing locks it: an item that is read while another process writes it may be neither the old nor the new one. NULs at
 * the end of a text or of bytes are not kept, as in Python.
 *
 * @example Share a list with another process, of Deno or Python
 * ```ts
 * import { ShareableList } from "@parallel/multiprocessing/shared_memory";
 * import { assertEquals } from "@std/assert";
 *
 * using mine = new ShareableList(["a", 1, 2.5, true, null, "été"]);
 * using other = new ShareableList(null, { name: mine.shm.name });
 * other.set(0, "b");
 * assertEquals([...mine], ["b", 1, 2.5, true, null, "été"]);
 * mine.shm.unlink();
 * ```
 */
export class ShareableList implements Iterable<Shared>, Disposable {
  static {
    showAsText(ShareableList);
    register<ShareableList, unknown>(ShareableList, {
      name: "multiprocessing.shared_memory.ShareableList",
      reduce: (list) => [list.shm],
      restore: (data) => {
        const [memory, ...rest] = partsOf(data, "a list in shared memory");
        if (memory instanceof SharedMemory && rest.length === 0) return new ShareableList(memory);
        throw new RangeError("Cannot restore a list in shared memory: its description is malformed");
      },
    });
  }

  readonly #shm: SharedMemory;
  readonly #layout: Layout;

  /**
   * A new list of these items, or the one in the block of that name. A text has room for as many bytes of UTF-8 as were
   * given, and up to 8 more.
   *
   * @param sequence The items; absent or `null`: those that are there.
   * @throws {TypeError} If an item is of a type that a list cannot hold, or an option of the wrong type, or unknown.
   * @throws {RangeError} If an int has more than 64 bits, or a text half a character in it; or what is in the block is no
   * list.
   * @throws {Deno.errors.AlreadyExists} If items are given, and there is a block of that name.
   * @throws {Deno.errors.NotFound} If there is none; and what else {@linkcode SharedMemory} throws.
   */
  constructor(sequence?: Iterable<Shareable> | null, options?: ShareableListOptions);
  /** @ignore As above, of a block that this process has. */
  constructor(memory: SharedMemory);
  constructor(given?: Iterable<Shareable> | SharedMemory | null, options: ShareableListOptions = {}) {
    requireKnown("use a list in shared memory", options, ["name", "track"]);
    const { name = null, track } = options;
    const isNew = !(given instanceof SharedMemory) && (name === null || (given ?? null) !== null);
    if (isNew) {
      const items = itemsOf(given as Iterable<Shareable> | null | undefined);
      this.#layout = Layout.of(items.map(({ slot }) => slot));
      this.#shm = new SharedMemory({ name, create: true, size: this.#layout.size, track });
      this.#layout.write(this.#view());
      items.forEach((item, index) => this.#write(index, item, item.slot));
      return;
    }
    this.#shm = given instanceof SharedMemory ? given : new SharedMemory({ name });
    try {
      this.#layout = Layout.read(this.#view());
    } catch (error) {
      this.shm.close();
      throw error;
    }
  }

  /** The block that it is in. */
  get shm(): SharedMemory {
    return this.#shm;
  }

  /** How many items it has. */
  get length(): number {
    return this.#layout.count;
  }

  /** What the slots hold now, in the words of Python's `struct`. */
  get format(): string {
    return Array.from({ length: this.length }, (_, index) => this.#kind(index).format).join("");
  }

  /**
   * The item at an index. A negative one counts from the end.
   *
   * @throws {RangeError} If there is no such item, or what is in its place is none.
   * @throws {TypeError} If the index is no number.
   * @throws {InvalidStateError} If the list is closed.
   */
  get(index: number): Shared {
    const at = this.#index(index, "get an item", "index out of range");
    const kind = this.#kind(at);
    const fail = (why: string, cause?: unknown) =>
      withUsersFrames(new RangeError(`Cannot get item ${at} of the list in shared memory: ${why}`, { cause }));
    const length = lengthOf(kind.format);
    if (length === undefined) throw fail(`there is no format ${quoted(kind.format)}`);
    if (length > this.#layout.room(at)) throw fail(`its slot has ${this.#layout.room(at)} bytes, and it ${length}`);
    const begin = this.#layout.slot(at);
    const bytes = this.shm.buf.slice(begin, begin + length); // a copy: others may write on
    try {
      return itemOf(kind, bytes);
    } catch (error) {
      throw fail((error as Error).message, (error as Error).cause);
    }
  }

  /**
   * Puts an item in the place of another, which may be of another type.
   *
   * @throws {RangeError} If there is no such item, or the slot has no room for the new one.
   * @throws {TypeError} If the index is no number, or the item of a type that a list cannot hold.
   * @throws {InvalidStateError} If the list is closed.
   */
  set(index: number, item: Shareable): void {
    const at = this.#index(index, "set an item", "assignment index out of range");
    const room = this.#layout.room(at);
    const given = storable(item);
    if (given.bytes.length > room) {
      throw withUsersFrames(
        new RangeError(
          `Cannot set item ${at} of the list in shared memory: bytes/str item exceeds available storage: ` +
            `it has ${given.bytes.length} bytes, and its slot ${room}`,
        ),
      );
    }
    if (textLength(given.format) === undefined) return this.#write(at, given, WORD);
    // As in CPython, the format of a slot that holds text already stays.
    const present = textLength(this.#kind(at).format) ?? 0;
    const isEnough = present >= given.bytes.length && present <= room;
    const length = isEnough ? present : Math.min(room, LONGEST_TEXT);
    this.#write(at, { ...given, format: `${length}s` }, length);
  }

  /** How many items are equal to this one. */
  count(item: Shareable): number {
    let count = 0;
    for (const it of this) if (areEqual(it, item)) count++;
    return count;
  }

  /**
   * The index of the first item that is equal to this one.
   *
   * @throws {RangeError} If there is none.
   */
  index(item: Shareable): number {
    for (let at = 0; at < this.length; at++) if (areEqual(this.get(at), item)) return at;
    throw withUsersFrames(new RangeError(`Cannot find ${inOneLine(item)}: it is not in this list`));
  }

  /** The items in their order. Others may change them meanwhile. */
  *[Symbol.iterator](): Generator<Shared, void, unknown> {
    for (let at = 0; at < this.length; at++) yield this.get(at);
  }

  /** Closes the block: see {@linkcode SharedMemory.close}. It stays until it is unlinked. */
  [Symbol.dispose](): void {
    this.shm.close();
  }

  /** Such as `ShareableList(3 items, "psm_0123abcd")`. */
  toString(): string {
    return `${this.constructor.name}(${this.length} items, ${quoted(this.shm.name)})`;
  }

  #view(): DataView {
    const { buffer, byteLength } = this.shm.buf;
    return new DataView(buffer, 0, byteLength);
  }

  #index(index: number, action: string, why: string): number {
    if (typeof index !== "number") {
      throw withUsersFrames(new TypeError(`Cannot ${action}: the index is ${inOneLine(index)}, wanted a number`));
    }
    const at = index < 0 ? index + this.length : index;
    if (Number.isInteger(at) && at >= 0 && at < this.length) return at;
    throw withUsersFrames(
      new RangeError(`Cannot ${action}: ${why}: ${index} was given, the length is ${this.length}`),
    );
  }

  /** What the block says now of a slot. */
  #kind(index: number): Kind {
    const begin = this.#layout.format(index);
    const format = String.fromCharCode(...this.shm.buf.slice(begin, begin + WORD)).replace(/\0+$/, "");
    return { format, code: this.#view().getInt8(this.#layout.code(index)) };
  }

  /** Writes an item, and NULs up to `length` bytes, which its slot has. */
  #write(index: number, { format, code, bytes }: Stored, length: number): void {
    const { buf } = this.shm;
    const begin = this.#layout.format(index);
    buf.fill(0, begin, begin + WORD);
    for (let at = 0; at < format.length; at++) buf[begin + at] = format.charCodeAt(at);
    this.#view().setInt8(this.#layout.code(index), code);
    const slot = this.#layout.slot(index);
    buf.set(bytes, slot);
    buf.fill(0, slot + bytes.length, slot + length);
  }
}

function itemsOf(given: Iterable<unknown> | null | undefined): Stored[] {
  const items = given ?? [];
  if (typeof (items as Partial<Iterable<unknown>>)[Symbol.iterator] === "function") {
    return Array.from(items, storable);
  }
  throw withUsersFrames(
    new TypeError(`Cannot use a list in shared memory: the items are ${inOneLine(given)}, which cannot be iterated`),
  );
}

function storable(item: unknown): Stored {
  try {
    return stored(item);
  } catch (error) {
    throw withUsersFrames(error as Error);
  }
}
