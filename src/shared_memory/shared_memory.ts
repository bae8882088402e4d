// SharedMemory: a block of memory that has a name, as CPython's multiprocessing.shared_memory has it.
//
// | state | `#buffer` | goes on to |
// | --- | --- | --- |
// | open | the whole block | closed, by `close` |
// | closed | `null` | |
//
// Whether the name is still there is nobody's state: any program may remove it, and the system knows.

import { closedError, partsOf } from "../addon/handles.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { collecting } from "../addon/garbage.ts";
import { PythonName } from "../pickle/python_object.ts";
import { enter, type Reduced } from "../pickle/registrations.ts";
import { type Described, UNMAPPED } from "../pickle/restorer.ts";
import { requireFromHere, requireHere } from "../reduction/passage.ts";
import { register } from "../reduction/registry.ts";
import { inOneLine, quoted } from "../runtime/harmless.ts";
import { showAsText } from "../runtime/shown.ts";
import { withUsersFrames } from "../runtime/stack.ts";
import { requireFlag, requireKnown } from "../waiting/options.ts";
import { randomName, requireName, requirePermission } from "./names.ts";

/** Options of {@linkcode SharedMemory}. */
export interface SharedMemoryOptions {
  /** The name of the block, without a slash. Default: a new one, `psm_` and eight digits, if the block is to be created. */
  name?: string | null;
  /** Whether to create the block; else it is there already. Default: `false`. */
  create?: boolean;
  /** Bytes of a block that is to be created, 1 or more. Of one that is there, the size is what it has. Default: 0. */
  size?: number;
  /**
   * Of a block that is to be created: whether it belongs to this process, and is gone when this process ends. With `false` it
   * stays until somebody unlinks it. A block that was there never belongs to who attaches to it. Default: `true`.
   */
  track?: boolean;
}

/** What a message says of a block: its name, and which file has it. */
type Description = readonly [name: string, identity: string];

/** The part of {@linkcode SharedMemory} that the package keeps to itself. */
let describe: (memory: SharedMemory) => Description;

/**
 * A block of memory that has a name, by which any program on this machine finds it. As
 * `multiprocessing.shared_memory.SharedMemory`, which uses the same blocks.
 *
 * The block belongs to the process that creates it, and is gone when that ends, unless it was unlinked before. What a
 * process leaves that is killed, `multiprocessing clean` removes.
 *
 * @example One block in two processes
 * ```ts
 * import { SharedMemory } from "@parallel/multiprocessing/shared_memory";
 * import { assertEquals } from "@std/assert";
 *
 * using mine = new SharedMemory({ create: true, size: 64 });
 * using other = new SharedMemory({ name: mine.name }); // in any process, of Deno or Python
 * other.buf[0] = 42;
 * assertEquals([mine.buf[0], other.size], [42, 64]);
 *
 * const numbers = new Float64Array(mine.buf.buffer, 0, 8);
 * numbers[1] = 0.5;
 * assertEquals(new DataView(other.buf.buffer).getFloat64(8, true), 0.5);
 * mine.unlink();
 * ```
 */
export class SharedMemory implements Disposable {
  static {
    showAsText(SharedMemory);
    describe = (memory) => [memory.#name, memory.#identity];
    register<SharedMemory, unknown>(SharedMemory, {
      name: "multiprocessing.shared_memory.SharedMemory",
      reduce: (memory) => {
        memory.#require("send");
        requireHere(0, "Send what is in it");
        return describe(memory);
      },
      restore: restored,
    });
    enter(SharedMemory.prototype, new PythonName("multiprocessing.shared_memory", "SharedMemory"), toPython, ofPython);
  }

  readonly #name: string;
  readonly #size: number;
  readonly #identity: string;
  #buffer: SharedArrayBuffer | null;
  #bytes: Uint8Array<SharedArrayBuffer> | null;

  /**
   * Creates a block, or attaches to the one that has that name.
   *
   * @throws {RangeError} If the size of a new block is no whole number from 1 on, there is no room for it, or no file can
   * have that name; or if no name is given, and no block is to be created.
   * @throws {TypeError} If an option is of the wrong type, or unknown.
   * @throws {Deno.errors.AlreadyExists} If a block is to be created, and there is one of that name.
   * @throws {Deno.errors.NotFound} If there is none to attach to.
   * @throws {InvalidStateError} If the block to attach to is empty: its creator has not given it a size yet.
   * @throws {Deno.errors.PermissionDenied} If it is another user's.
   * @throws {Deno.errors.NotCapable} If this program may not read and write its file, `/dev/shm/` and the name.
   */
  constructor(options: SharedMemoryOptions) {
    const action = "use shared memory";
    requireKnown(action, options, ["name", "create", "size", "track"]);
    const { name = null, create = false, size = 0, track = true } = options;
    requireFlag(action, "create", create);
    requireFlag(action, "track", track);
    requireSize(size, create);
    if (name === null && !create) {
      throw withUsersFrames(
        new RangeError('Cannot use shared memory: "name" can only be absent if { create: true } is given'),
      );
    }
    const [found, buffer] = create ? created(name, size, track) : attached(name!);
    this.#name = found;
    this.#identity = native().namedMade();
    this.#size = buffer.byteLength;
    this.#buffer = buffer;
    this.#bytes = new Uint8Array(buffer, 0, this.#size);
  }

  /**
   * The bytes of the block, which others may write at any time. Views of other types are made of its `buffer`.
   *
   * @throws {InvalidStateError} If it is closed.
   */
  get buf(): Uint8Array<SharedArrayBuffer> {
    this.#require("use");
    return this.#bytes!;
  }

  /** The name of the block, without a slash. */
  get name(): string {
    return this.#name;
  }

  /** The bytes that the block has. */
  get size(): number {
    return this.#size;
  }

  /**
   * Gives up this process's view of the block, which stays. Arrays over {@linkcode buf} have zeroes from then on, and what is
   * written there reaches nobody. Again: nothing happens.
   */
  close(): void {
    const buffer = this.#buffer;
    if (buffer === null) return;
    translated(() => native().viewClose(new Uint8Array(buffer, 0, 1)));
    this.#buffer = null;
    this.#bytes = null;
  }

  /**
   * Removes the name: nobody can attach to the block any more. Those who have it keep it, and its memory goes with the last
   * of them.
   *
   * @throws {Deno.errors.NotFound} If the block has lost its name already, also if another one has it now.
   * @throws {Deno.errors.PermissionDenied} If it is another user's.
   */
  unlink(): void {
    if (translated(() => native().namedUnlink(this.#name, this.#identity))) return;
    throw gone("unlink", this.#name);
  }

  #require(action: string): void {
    if (this.#buffer === null) throw closedError(`${action} the shared memory ${quoted(this.#name)}`, "shared memory");
  }

  /** As {@linkcode close}: the block stays. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Such as `SharedMemory("psm_0123abcd", size=64)`. */
  toString(): string {
    return `${this.constructor.name}(${quoted(this.#name)}, size=${this.#size})`;
  }
}

/** The name of a block, and which file it is. */
export function descriptionOf(memory: SharedMemory): Description {
  return describe(memory);
}

function requireSize(size: unknown, isNew: boolean): asserts size is number {
  if (typeof size !== "number") {
    throw withUsersFrames(new TypeError(`Cannot use shared memory: "size" is ${inOneLine(size)}, wanted a number`));
  }
  if (Number.isSafeInteger(size) && size >= (isNew ? 1 : 0)) return;
  throw withUsersFrames(
    new RangeError(
      `Cannot use shared memory: "size" is ${size}, wanted a whole number of bytes${isNew ? ", 1 or more" : ""}`,
    ),
  );
}

/** A name, and what the block has that has it. */
type Found = readonly [name: string, buffer: SharedArrayBuffer];

/** A new block, which has a name that nobody else has if none is given. */
function created(name: string | null, size: number, owns: boolean): Found {
  const action = "create shared memory";
  if (name !== null) requireName(name, action);
  for (;;) {
    const tried = name ?? randomName();
    requirePermission(tried, action);
    try {
      return [tried, translated(() => collecting(() => native().namedCreate(tried, size, owns)))];
    } catch (error) {
      if (name !== null || !(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

function attached(name: string): Found {
  const action = "attach to shared memory";
  requireName(name, action);
  requirePermission(name, action);
  return [name, translated(() => collecting(() => native().namedAttach(name)))];
}

function gone(action: string, name: string): Error {
  return withUsersFrames(
    new Deno.errors.NotFound(`Cannot ${action} the shared memory ${quoted(name)}: it is not there any more`),
  );
}

/**
 * The block that a message names.
 *
 * @throws {RangeError} If the description is malformed.
 * @throws {TypeError} If the message came from outside of this tree, or over an engine.
 * @throws {Deno.errors.NotFound} If the block is gone, also if another one has its name.
 */
function restored(data: unknown): SharedMemory {
  const [name, identity, ...rest] = partsOf(data, "shared memory");
  if (typeof name !== "string" || typeof identity !== "string" || rest.length > 0) {
    throw new RangeError("Cannot restore shared memory: its description is malformed");
  }
  requireFromHere();
  const memory = new SharedMemory({ name });
  if (describe(memory)[1] === identity) return memory;
  memory.close();
  throw gone("restore", name);
}

/** What Python pickles of a block. */
function toPython({ name, size }: SharedMemory): Reduced {
  return { args: [name, false, size] };
}

/** The block that a pickle of Python's names, which must be there already. */
function ofPython({ args: [name, create = false] }: Described): unknown {
  return typeof name === "string" && create === false ? new SharedMemory({ name }) : UNMAPPED;
}
