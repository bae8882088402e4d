// What the tests of semaphores, conditions, events and barriers share.

import { InvalidStateError, Process, Queue } from "@parallel/multiprocessing";
import { dumps } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Channel, Form } from "../fixtures/synchronize/synchronize_targets.ts";
import type { Call } from "../fixtures/synchronize/synchronize_worker.ts";
import { FIXTURES, PATIENCE, within } from "./helpers.ts";

/** The forms in which everything that waits is tested. */
export const FORMS: Form[] = ["sync", "async"];

/** A process that runs a function of fixtures/synchronize/synchronize_targets.ts. */
export class Child implements AsyncDisposable {
  readonly process: Process;
  readonly #said = new Queue();
  readonly #orders = new Queue();

  private constructor(make: (said: Channel, orders: Channel) => Process) {
    this.process = make(this.#said, this.#orders);
    this.process.start();
  }

  static start<A extends unknown[]>(
    target: (said: Channel, orders: Channel, ...args: A) => unknown,
    ...args: NoInfer<A>
  ): Child {
    return new Child((said, orders) => new Process({ target, args: [said, orders, ...args] }));
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** What it says next. */
  hear(): Promise<unknown> {
    return this.#said.get({ timeout: PATIENCE });
  }

  /** Whether it has said something that was not heard yet. */
  hasSaid(): boolean {
    return !this.#said.empty();
  }

  tell(order: unknown = "go on"): void {
    this.#orders.putSync(order);
  }

  /** Waits for its end, which must be a good one. */
  async end(): Promise<void> {
    assert(await this.process.join({ timeout: PATIENCE }), "the process does not end");
    assertEquals(this.process.exitcode, 0);
  }

  async kill(): Promise<void> {
    this.process.kill();
    assert(await this.process.join({ timeout: PATIENCE }), "the process does not end");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill();
    await this.process.join({ timeout: PATIENCE });
    this.#said.close();
    this.#orders.close();
  }
}

/** Starts as many, and disposes of all. */
export class Children implements AsyncDisposable {
  readonly all: Child[];

  constructor(count: number, start: (index: number) => Child) {
    this.all = Array.from({ length: count }, (_, i) => start(i));
  }

  /** What each says next. */
  hear(): Promise<unknown[]> {
    return Promise.all(this.all.map((child) => child.hear()));
  }

  async end(): Promise<void> {
    for (const child of this.all) await child.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.all) await child[Symbol.asyncDispose]();
  }
}

/** Timeouts that are no number of milliseconds, and the class of error that they give. */
const BAD_TIMEOUTS: [unknown, new (message: string) => Error][] = [
  ["5", TypeError],
  [true, TypeError],
  [{}, TypeError],
  [NaN, RangeError],
];

/** Fails unless `wait` and `waitSync` refuse timeouts that make no sense. */
export async function assertTimeoutsRefused(
  wait: (options: { timeout: number }) => Promise<unknown>,
  waitSync: (options: { timeout: number }) => unknown,
): Promise<void> {
  for (const [bad, ErrorClass] of BAD_TIMEOUTS) {
    const timeout = bad as number;
    await assertRejects(() => wait({ timeout }), ErrorClass, '"timeout"');
    assertThrows(() => waitSync({ timeout }), ErrorClass, '"timeout"');
  }
}

/** Fails unless `wait` and `waitSync`, in which nothing happens, take their time and no less. */
export async function assertTimeoutsKept(
  wait: (options: { timeout: number }) => Promise<unknown>,
  waitSync: (options: { timeout: number }) => unknown,
  expected: unknown,
): Promise<void> {
  for (const timeout of [0, -1, -Infinity, 1, 30, 120.5]) {
    const begin = performance.now();
    assertEquals(await wait({ timeout }), expected);
    assertEquals(waitSync({ timeout }), expected);
    const elapsed = performance.now() - begin;
    // Node's and the kernel's clocks are not cut at the same places.
    assert(elapsed >= 2 * Math.max(0, timeout) - 2, `${timeout} ms twice took ${elapsed} ms`);
  }
}

/** Fails unless each use throws or rejects because the object is closed. */
export async function assertClosed(name: string, uses: Record<string, () => unknown>): Promise<void> {
  for (const [use, run] of Object.entries(uses)) {
    await assertRejects(async () => await run(), InvalidStateError, `the ${name} is closed`, use);
  }
}

/** A Worker of this process that uses a shared object. */
export class Thread implements Disposable {
  readonly #worker = new Worker(new URL("synchronize/synchronize_worker.ts", FIXTURES), { type: "module" });
  readonly #answers: ((answer: unknown) => void)[] = [];
  /** What is to be sent with the first call. */
  #object: object | undefined;

  constructor(object: object) {
    this.#worker.onmessage = ({ data }) => this.#answers.shift()?.(data);
    this.#object = object;
  }

  /** Calls the method there, and takes no notice of what it gives. */
  tell(method: string, ...args: unknown[]): void {
    const bytes = this.#object === undefined ? undefined : dumps(this.#object).bytes;
    this.#object = undefined;
    this.#worker.postMessage({ bytes, method, args } satisfies Call);
  }

  /** What the method gives there: `"done"` for nothing, `"guard"` for any object, `"<name>: <message>"` for an error. */
  ask(method: string, ...args: unknown[]): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#answers.push(resolve);
    this.tell(method, ...args);
    return within(promise, `"${method}" in the Worker`);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
