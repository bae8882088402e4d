// Event of an engine. Its state is in the engine (library/event.lua).

import { closedError, partsOf } from "../addon/handles.ts";
import type { EventLike } from "../contracts/synchronize.ts";
import { register } from "../reduction/registry.ts";
import { nameField, type NameOptions, objectName } from "../runtime/object_name.ts";
import { showAsText } from "../runtime/shown.ts";
import { requireKnown, timeoutOf, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { ObjectHandle, type ObjectReference } from "./handles.ts";
import type { Answer, Session } from "./session.ts";
import { goneError, waitFor } from "./object_waits.ts";

/** As `Event`, for the processes of a tree on several machines. */
export class RemoteEvent implements EventLike {
  static {
    showAsText(RemoteEvent);
    register(RemoteEvent, {
      name: "engine.Event",
      reduce: (event) => event.#data(),
      restore: (data) => new RemoteEvent(ObjectHandle.adopt(partsOf(data, "an Event"))),
    });
  }

  readonly #handle: ObjectHandle;

  /**
   * An event that is not set.
   *
   * @throws {TypeError} If an option is of the wrong type, or unknown.
   */
  constructor(session: Session, options?: NameOptions);
  /** @ignore The event that a message names. */
  constructor(handle: ObjectHandle);
  constructor(first: Session | ObjectHandle, options: NameOptions = {}) {
    this.#handle = first instanceof ObjectHandle ? first : create(first, options);
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.#handle.name || undefined;
  }

  /**
   * Whether the flag is set.
   *
   * @throws {InvalidStateError} If the event is closed.
   */
  isSet(): boolean {
    return this.#done("look at", this.#handle.session.step("event_look", this.#require("look at"))).text(0) === "1";
  }

  /**
   * Sets the flag and releases all who wait. Nothing happens if it is set.
   *
   * @throws {InvalidStateError} If the event is closed.
   */
  set(): void {
    this.#done("set", this.#handle.session.step("event_set", this.#require("set")));
  }

  /**
   * Clears the flag. Nothing happens if it is not set.
   *
   * @throws {InvalidStateError} If the event is closed.
   */
  clear(): void {
    this.#done("clear", this.#handle.session.step("event_clear", this.#require("clear")));
  }

  /**
   * Waits without blocking the thread until the flag is set: `true`, also if it was set and cleared again meanwhile;
   * `false` if `timeout` milliseconds have passed first.
   *
   * @throws {InvalidStateError} If the event is, or is being, closed.
   * @throws What `signal` was aborted with.
   */
  async wait(options?: WaitOptions): Promise<boolean> {
    const timeout = timeoutOf(options);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const id = this.#require("wait for");
    const closed = () => closedError(`wait for the Event${this.#handle.label}`, "Event");
    using _ = this.#handle.share();
    const answer = await waitFor(this.#handle, "event_wait", [id], { timeout, signal, closed });
    return answer !== null && this.#done("wait for", answer).refusal === null;
  }

  /**
   * As {@linkcode wait}, blocking the thread.
   *
   * @throws {InvalidStateError} If the event is closed.
   */
  waitSync(options?: WaitSyncOptions): boolean {
    const timeout = timeoutOf(options, WAIT_SYNC);
    const answer = this.#handle.session.waitSync("event_wait", [this.#require("wait for")], { timeout });
    return answer !== null && this.#done("wait for", answer).refusal === null;
  }

  /**
   * Gives up this process's handle, and ends the waits begun with it. The event itself goes with the last handle of all
   * processes.
   */
  [Symbol.dispose](): void {
    this.#handle.close();
  }

  /** As CPython shows it, `<Event at 0x1f set>` or `… unset>`, with a number that is the same in all processes. */
  toString(): string {
    const { id, closed, name } = this.#handle;
    if (closed) return `<Event(closed${nameField(name)})>`;
    return `<Event at 0x${Number(id).toString(16)} ${this.#state()}${nameField(name, " ")}>`;
  }

  #state(): string {
    try {
      return this.isSet() ? "set" : "unset";
    } catch {
      return "out of reach"; // whoever prints it wants no error
    }
  }

  #data(): readonly [...ObjectReference, name?: string] {
    return this.#handle.named(this.#handle.reference("Event"));
  }

  #require(action: string): string {
    return this.#handle.require(action, "Event");
  }

  #done(action: string, answer: Answer): Answer {
    if (answer.refusal !== null) throw goneError(action, `Event${this.#handle.label}`);
    return answer;
  }
}

function create(session: Session, options: NameOptions): ObjectHandle {
  requireKnown("create an Event", options, ["name"]);
  return ObjectHandle.make(session, "event", objectName("create an Event", options));
}
