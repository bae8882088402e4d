// Processes of Python that do with shared objects what a test asks for: fixtures/python/player.py. Each test runs with the
// oldest and the newest CPython that there is.

import { Process, python, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals } from "@std/assert";
import { assertNothingLeft, belongings, FIXTURES, PATIENCE, startOwnThreads, within } from "../support/helpers.ts";
import { type Python, pythons } from "../support/python.ts";

/** What an order raised: its class and message, and what an `OwnerDiedError` says besides. */
export interface Raised {
  raised: string;
  message: string;
  pid?: number;
  process_name?: string | null;
  exitcode?: number | null;
}

/** What an order came to. */
export type Answer = { result: unknown; raised?: undefined } | Raised;

/** Shared objects by the names that orders give them. */
export type Things = Record<string, unknown>;

type Play = (said: Queue<Answer>, orders: Queue<unknown>, things: Things) => void;
const MODULE = new URL("python/player.py", FIXTURES).href;

/** A process of Python. */
export class Player implements AsyncDisposable {
  readonly process: Process;
  readonly #said = new Queue<Answer>();
  readonly #orders = new Queue<unknown>();

  constructor({ path }: { path: string }, things: Things) {
    const target = python<Play>(MODULE, "play", { executable: path });
    this.process = new Process({ target, args: [this.#said, this.#orders, things] });
    this.process.start();
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** Gives an order. */
  tell(name: string, ...args: unknown[]): void {
    this.#orders.putSync([name, ...args]);
  }

  /** What the next order gave, which must have succeeded. */
  async result(): Promise<unknown> {
    const answer = await this.#hear();
    if (answer.raised === undefined) return answer.result;
    throw new Error(`Cannot go on: Python raised ${answer.raised}: ${answer.message}`);
  }

  /** What the next order raised, which must have failed. */
  async raised(): Promise<Raised> {
    const answer = await this.#hear();
    if (answer.raised !== undefined) return answer;
    throw new Error(`Cannot go on: Python raised nothing, it gave ${Deno.inspect(answer.result)}`);
  }

  /** What an order gives. */
  ask(name: string, ...args: unknown[]): Promise<unknown> {
    this.tell(name, ...args);
    return this.result();
  }

  /** What an order raises. */
  error(name: string, ...args: unknown[]): Promise<Raised> {
    this.tell(name, ...args);
    return this.raised();
  }

  /** Ends it by SIGKILL. */
  async kill(): Promise<void> {
    this.process.kill();
    assert(await this.process.join({ timeout: PATIENCE }), "the process does not end");
  }

  #hear(): Promise<Answer> {
    return this.#said.get({ timeout: PATIENCE });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const wasThere = this.process.isAlive();
    if (wasThere) this.#orders.putSync(null);
    const hasEnded = await this.process.join({ timeout: PATIENCE / 4 });
    if (!hasEnded) this.process.kill();
    await this.process.join();
    this.#said.close();
    this.#orders.close();
    if (wasThere) assertEquals(this.process.exitcode, 0);
  }
}

/** The oldest and the newest CPython of this machine. */
export const bounds: readonly Python[] = pythons.filter((_, i) => i === 0 || i === pythons.length - 1);

/** Registers a test that must end in time and leave nothing behind, for each of {@linkcode bounds}. */
export function each(name: string, run: (python: Python) => Promise<void>, which: readonly Python[] = bounds): void {
  if (which.length === 0) return Deno.test({ name: `${name} (there is no Python)`, ignore: true, fn: () => {} });
  for (const python of which) {
    Deno.test(`${name} (Python ${python.version.join(".")})`, async () => {
      await startOwnThreads(); // from the first on, the threads that wait are there
      const before = belongings();
      await within(run(python), "the test");
      await assertNothingLeft(before);
    });
  }
}
