// Value of a context on an engine: with a lock, or without.

import type { ScalarLike, SynchronizedLike } from "../contracts/sharedctypes.ts";
import { register } from "../reduction/registry.ts";
import { showAsText, shownValue } from "../runtime/shown.ts";
import { requireChange } from "../sharedctypes/guarded.ts";
import { knownType } from "../sharedctypes/lock_option.ts";
import type { ScalarType, Stored } from "../sharedctypes/types.ts";
import {
  bytesOf,
  type CellData,
  cellData,
  makeCell,
  type OpenedCell,
  RemoteGuarded,
  type RemoteSharedOptions,
  restoreCell,
  viewOf,
} from "./guarded.ts";
import type { Session } from "./session.ts";

/** The value in a cell. */
function loaded(type: ScalarType, bytes: Uint8Array<ArrayBuffer>): unknown {
  const stored = viewOf(type, bytes)[0];
  return type.load === null ? stored : type.load(stored);
}

/** A value on an engine, used whoever has the lock: the `getObj()` of a {@linkcode RemoteValue}, or one without a lock. */
export class RemoteScalar<T> implements ScalarLike<T> {
  static {
    showAsText(RemoteScalar);
    register(RemoteScalar, {
      name: "engine.Scalar",
      reduce: (scalar: RemoteScalar<unknown>): CellData => {
        const { type, length, cell } = scalar.#opened;
        return [type.code, length, cell.handle.reference("value"), null, false];
      },
      restore: (data) => new RemoteScalar(restoreCell(data, "value", false)),
    });
  }

  readonly #opened: OpenedCell;

  /** @ignore Made by a context. */
  constructor(opened: OpenedCell) {
    this.#opened = opened;
  }

  /**
   * The value.
   *
   * @throws {InvalidStateError} If it is closed.
   * @throws {TypeError} When set, if it is not of the right kind.
   * @throws {RangeError} When set, if the type cannot hold it.
   */
  get value(): T {
    const { type, cell } = this.#opened;
    return loaded(type, cell.readRaw(0, type.size, "get the value")) as T;
  }

  set value(value: T) {
    const { type, cell } = this.#opened;
    cell.writeRaw(0, bytesOf(type, [type.store(value)]), "set the value");
  }

  /** Gives up this process's share; a second call does nothing. */
  close(): void {
    this.#opened.cell.handle.close();
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The type and the value. */
  toString(): string {
    const { type, cell } = this.#opened;
    return `<RawValue("${type.code}", ${cell.handle.closed ? "closed" : shownValue(this.value)})>`;
  }
}

/** A single value on an engine, with a lock. Made by the `Value` of a context. */
export class RemoteValue<T> extends RemoteGuarded implements SynchronizedLike<T> {
  static {
    register(RemoteValue, {
      name: "engine.Value",
      reduce: (value: RemoteValue<unknown>) => cellData(value.opened, "value"),
      restore: (data) => new RemoteValue(restoreCell(data, "value", true)),
    });
  }

  #scalar: RemoteScalar<T> | undefined;

  /** @ignore Made by a context. */
  constructor(opened: OpenedCell) {
    super(opened);
  }

  /**
   * The value. Getting and setting take the lock each; what needs both, such as `+=`, needs the lock around it, or `update`. The thread
   * is blocked for a step of the engine, but for none while it has the lock.
   *
   * @throws {InvalidStateError} If it is closed.
   * @throws {OwnerDiedError} If the holder of the lock was killed.
   * @throws {TypeError} When set, if it is not of the right kind.
   * @throws {RangeError} When set, if the type cannot hold it.
   */
  get value(): T {
    const { type, cell } = this.opened;
    return loaded(type, cell.read(0, type.size, "get the value")) as T;
  }

  set value(value: T) {
    const { type, cell } = this.opened;
    cell.requireOpen("set the value");
    cell.write(0, bytesOf(type, [type.store(value)]), "set the value");
  }

  /**
   * Replaces the value by what `change` makes of it, with the lock held all the while; blocks the thread for its steps.
   *
   * @param change Returns the new value. What it throws is thrown, and the value stays as it was.
   * @returns The value then.
   * @throws {InvalidStateError} If it is closed.
   * @throws {OwnerDiedError} If the holder of the lock was killed.
   * @throws {TypeError} If `change` is no function, or what it returns is not of the right kind, such as a promise.
   * @throws {RangeError} If the type cannot hold what it returns.
   */
  update(change: (value: T) => T): T {
    requireChange(change);
    this.opened.cell.requireOpen("update the value");
    using _guard = this.getLock().acquireSync();
    this.value = change(this.value);
    return this.value;
  }

  /** What is guarded, for use without the lock or while it is held. */
  getObj(): RemoteScalar<T> {
    return this.#scalar ??= new RemoteScalar(this.opened);
  }

  /** The type, the value and the lock. */
  override toString(): string {
    const { type, cell } = this.opened;
    const value = cell.handle.closed ? "closed" : shownValue(this.getObj().value);
    return `<Synchronized(<RawValue("${type.code}", ${value})>, ${this.getLock()})>`;
  }
}

/**
 * A value on an engine, with a lock unless the options ask for none.
 *
 * @throws {TypeError} If `type` is no typecode, `init` is not of the right kind, or `lock` is no lock of this context.
 * @throws {RangeError} If the type cannot hold `init`.
 */
export function remoteValue(
  session: Session,
  code: unknown,
  init?: unknown,
  options: RemoteSharedOptions = {},
): RemoteValue<unknown> | RemoteScalar<unknown> {
  const type = knownType(code, "create a Value");
  const elements: Stored[] = init === undefined ? [] : [type.store(init)];
  const opened = makeCell(session, "value", type, 1, elements, options);
  return opened.cell.lock === null ? new RemoteScalar(opened) : new RemoteValue(opened);
}
