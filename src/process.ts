/**
 * Processes, after Python's `multiprocessing.process`.
 *
 * @module
 */

import { type Callable, type ModuleExport, reference } from "./callable.ts";
import { current, nextIdentity } from "./current.ts";
import { InvalidStateError, ProcessError } from "./errors.ts";
import { launch } from "./launch.ts";
import { native, translated } from "./native.ts";
import { timeoutOf, type WaitOptions, type WaitSyncOptions } from "./options.ts";
import { addChild, removeChild } from "./process/children.ts";
import { register } from "./reduction.ts";
import { methodFor } from "./start_method.ts";
import { wait } from "./waits.ts";

export type { ModuleExport } from "./callable.ts";

/** A function that another process can run: an exported one, or where its module exports it. */
export type Target<A extends readonly unknown[]> = ((...args: A) => unknown) | ModuleExport;

/** Options of {@linkcode Process}. */
export interface ProcessOptions<A extends readonly unknown[] = unknown[]> {
  /** The function that the process runs. A module must export it; see {@linkcode ModuleExport} for the rest. */
  target?: Target<A>;
  /** What the function is called with. Anything that can be serialised, and shared objects. */
  args?: A;
  /** Given as one last argument. */
  kwargs?: Record<string, unknown>;
  /** For messages. Default: the name of the class and a number, such as `Process-1`, or `Process-1:2` for the second
   * child of `Process-1`. */
  name?: string;
  /** Whether it ends when this process does. Default: as this process. A daemon has no children. */
  daemon?: boolean;
  /** Replaces the environment variables. */
  env?: Record<string, string>;
  /** The working directory. Default: this process's. */
  cwd?: string | URL;
  /** Where its standard output goes. Default: `"inherit"`. */
  stdout?: "inherit" | "null";
  /** Where its standard error goes. Default: `"inherit"`. */
  stderr?: "inherit" | "null";
}

/** After how many milliseconds of waiting for a process it is asked why it does not end. */
const DOUBT_AFTER = 1000;

/** Options without the type of the target: a process keeps these, so that any process is a `Process`. */
type UntypedOptions = Omit<ProcessOptions<readonly unknown[]>, "target">;

const SIGINT = 2;
const SIGKILL = 9;
const SIGTERM = 15;

/** The processes started here and not yet seen to have ended. */
const active = new Set<Process>();

/**
 * A process that runs a function, with as many rights as this one. As `multiprocessing.Process`.
 *
 * The child imports the main module and the modules it needs again, so a script must start processes only when it is
 * the main module itself: in `if (import.meta.main) { … }`.
 *
 * @example Run a function of another module
 * ```ts
 * import { Process } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const module = "data:text/javascript,export function exit(code) { Deno.exit(code) }";
 * const child = new Process({ target: { module, name: "exit" }, args: [3] });
 * child.start();
 * await child.join();
 * assertEquals(child.exitcode, 3);
 * ```
 */
export class Process<A extends readonly unknown[] = unknown[]> implements AsyncDisposable {
  static {
    register(Process, {
      reduce() {
        throw new TypeError("a Process cannot be sent to another process; send what is to be done instead");
      },
      restore: () => new Process(),
    });
  }

  /** The numbers of the processes on the way from the root to this one. */
  readonly identity: readonly number[];
  readonly #options: UntypedOptions;
  readonly #target: ReturnType<typeof reference> | null;
  #name: string;
  #daemon: boolean;
  #pid: number | null = null;
  #exitcode: number | null = null;
  /** Why it could not begin its work. */
  #failure: string | null = null;
  #isFailureTold = false;
  #hasSetExitCode = false;
  #isClosed = false;

  /**
   * A process that has yet to be started.
   *
   * @throws {TypeError} If another process could not find `target`: it is bound, inline, or certainly not exported; or
   * if another option is of the wrong type.
   */
  constructor(options: ProcessOptions<A> = {}) {
    const { target, name, daemon = current.daemon } = options;
    requireOptions(options);
    this.#target = target === undefined ? null : reference(target as Callable | ModuleExport);
    this.#options = options;
    this.identity = nextIdentity();
    this.#name = name ?? `${this.constructor.name}-${this.identity.join(":")}`;
    this.#daemon = daemon;
  }

  /** For messages; may be any text, and the same for several processes. */
  get name(): string {
    return this.#name;
  }

  set name(name: string) {
    if (typeof name !== "string") throw new TypeError(`Cannot name a process ${Deno.inspect(name)}: wanted a string`);
    this.#name = name;
  }

  /** Whether the process ends when its parent does. May be changed before the start only. */
  get daemon(): boolean {
    return this.#daemon;
  }

  set daemon(daemon: boolean) {
    if (this.#pid !== null) throw new InvalidStateError(`Cannot change "daemon": process has already started`);
    this.#daemon = daemon;
  }

  /** The id that the operating system gave it; `null` before the start. */
  get pid(): number | null {
    this.#requireOpen("look at");
    return this.#pid;
  }

  /** As {@linkcode pid}. */
  get ident(): number | null {
    return this.pid;
  }

  /**
   * How it ended: 0 normally, n by `Deno.exit(n)`, 1 by an uncaught error, −n by signal n; `null` while it runs or
   * before it was started.
   */
  get exitcode(): number | null {
    this.#requireOpen("look at");
    return this.#poll();
  }

  /**
   * Starts the process; it exists when this returns.
   *
   * @throws {InvalidStateError} If it was started before, or this process may not have children.
   * @throws {TypeError} If an argument cannot be serialised; then nothing is started.
   * @throws What the operating system says against it, as the matching `Deno.errors`.
   */
  start(): void {
    this.#requireOpen("start");
    if (this.#pid !== null) throw new InvalidStateError("Cannot start the process: cannot start a process twice");
    if (current.daemon) {
      throw new InvalidStateError("Cannot start a process: daemonic processes are not allowed to have children");
    }
    if (!current.mayStart()) {
      throw new InvalidStateError(
        "Cannot start a process while the main module is imported by a child: " +
          "put what starts processes into `if (import.meta.main) { … }`",
      );
    }
    activeChildren();
    const { args, kwargs, env, cwd, stdout = "inherit", stderr = "inherit" } = this.#options;
    this.#pid = launch({
      method: methodFor(this.constructor),
      preparation: { name: this.#name, identity: [...this.identity], daemon: this.#daemon, target: this.#target },
      args: [...args ?? [], ...kwargs === undefined ? [] : [kwargs]],
      env,
      cwd,
      stdout,
      stderr,
    });
    active.add(this);
    addChild({ pid: this.#pid, daemon: this.#daemon });
    // The program goes on while a child does, unless that is a daemon.
    // If it cannot be waited for (no more descriptors), it is waited for at the exit.
    if (!this.#daemon) void this.#ended().then(() => this.#poll() !== null && this.#noteFailure()).catch(() => {});
  }

  /**
   * Waits for its end without blocking the thread.
   *
   * @returns `true`, or `false` if it did not end in time.
   * @throws {InvalidStateError} If it was not started.
   * @throws {ProcessError} If it could not begin its work, with the reason: a module that does not load, a target that
   * was not found.
   * @throws What `signal` was aborted with.
   */
  async join(options?: WaitOptions): Promise<boolean> {
    const timeout = timeoutOf(options);
    this.#requireStarted("join");
    options?.signal?.throwIfAborted();
    if (this.#poll() === null && timeout > 0) {
      const doubt = setTimeout(() => this.#warnIfPutting(), DOUBT_AFTER);
      try {
        await this.#ended(timeout, options?.signal);
      } finally {
        clearTimeout(doubt);
      }
    }
    return this.#isOver();
  }

  /** As {@linkcode join}, blocking the thread. */
  joinSync(options?: WaitSyncOptions): boolean {
    const timeout = timeoutOf(options);
    const pid = this.#requireStarted("join");
    if (this.#poll() === null && !native().childJoin(pid, Math.min(timeout, DOUBT_AFTER)) && timeout > DOUBT_AFTER) {
      this.#warnIfPutting();
      native().childJoin(pid, timeout - DOUBT_AFTER);
    }
    return this.#isOver();
  }

  /** Whether it has been started and has not ended. */
  isAlive(): boolean {
    this.#requireOpen("look at");
    return this.#pid !== null && this.#poll() === null;
  }

  /** Asks it to end (SIGTERM). Nothing happens if it has ended. */
  terminate(): void {
    this.#signal("terminate", SIGTERM);
  }

  /** Ends it (SIGKILL). Nothing happens if it has ended. */
  kill(): void {
    this.#signal("kill", SIGKILL);
  }

  /** Interrupts it (SIGINT). Nothing happens if it has ended. */
  interrupt(): void {
    this.#signal("interrupt", SIGINT);
  }

  /**
   * Lets go of what is known about a process that has ended. Again: nothing happens.
   *
   * @throws {InvalidStateError} If it is still running.
   */
  close(): void {
    if (this.#isClosed) return;
    if (this.#pid !== null && this.#poll() === null) {
      throw new InvalidStateError(
        `Cannot close "${this.#name}": it is still running; call join() or terminate() first`,
      );
    }
    this.#isClosed = true;
  }

  /** Terminates it if it is alive, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed || this.#pid === null) return;
    if (this.#poll() === null) {
      this.terminate();
      await this.#ended();
      this.#poll();
    }
  }

  /** As CPython shows it: `<Process name='Process-1' pid=… parent=… stopped exitcode=0>`. */
  toString(): string {
    const parts = [`name='${this.#name}'`];
    if (this.#pid !== null) parts.push(`pid=${this.#pid}`);
    parts.push(`parent=${Deno.pid}`, this.#state());
    if (this.#daemon) parts.push("daemon");
    return `<${this.constructor.name} ${parts.join(" ")}>`;
  }

  #state(): string {
    if (this.#isClosed) return "closed";
    if (this.#pid === null) return "initial";
    const exitcode = this.#poll();
    return exitcode === null ? "started" : `stopped exitcode=${exitcode}`;
  }

  /** The exit code, if it has ended. */
  #poll(): number | null {
    if (this.#exitcode === null && this.#pid !== null && !this.#isClosed) {
      const pid = this.#pid;
      this.#exitcode = translated(() => native().childExitCode(pid));
      if (this.#exitcode !== null) {
        this.#failure = native().childFailure(pid);
        native().childClose(pid); // it has nothing more to tell: its descriptors are free
        active.delete(this);
        removeChild(pid);
      }
    }
    return this.#exitcode;
  }

  /** Waits in the reactor; whether it ended is then to be polled. */
  async #ended(timeout = Infinity, signal?: AbortSignal): Promise<void> {
    const pid = this.#pid!;
    const limit = timeout === Infinity ? undefined : AbortSignal.timeout(Math.min(timeout, 2 ** 31 - 1));
    const both = limit && signal ? AbortSignal.any([limit, signal]) : limit ?? signal;
    try {
      await wait(() => translated(() => native().childAwait(pid)), { signal: both });
    } catch (error) {
      if (signal?.aborted || !limit?.aborted) throw error;
    }
  }

  /** A process that could not begin makes the program fail, unless `join` has told, or will tell, somebody. */
  #noteFailure(): void {
    if (this.#failure === null || this.#isFailureTold || Deno.exitCode !== 0) return;
    Deno.exitCode = 1;
    this.#hasSetExitCode = true;
  }

  /** The classic deadlock: a process is joined that cannot end before somebody takes from a queue. */
  #warnIfPutting(): void {
    if (this.#poll() !== null) return;
    const queue = native().childPutting(this.#pid!);
    if (queue === 0) return;
    const [size, maxsize] = [native().queueSize(queue), native().queueMaxsize(queue)];
    console.warn(
      `Waiting for "${this.#name}" (pid ${this.#pid}), which cannot end: it waits to put into a full queue ` +
        `(${size} of ${maxsize} values); take from the queue before you join the process`,
    );
  }

  #isOver(): boolean {
    if (this.#poll() === null) return false;
    if (this.#failure === null) return true;
    this.#isFailureTold = true;
    if (this.#hasSetExitCode) Deno.exitCode = 0;
    this.#hasSetExitCode = false;
    throw new ProcessError(`Cannot run "${this.#name}": ${this.#failure}`);
  }

  #signal(action: string, signal: number): void {
    const pid = this.#requireStarted(action);
    if (this.#poll() === null) translated(() => native().childSignal(pid, signal));
  }

  #requireOpen(action: string): void {
    if (this.#isClosed) throw new InvalidStateError(`Cannot ${action} "${this.#name}": process object is closed`);
  }

  #requireStarted(action: string): number {
    this.#requireOpen(action);
    if (this.#pid === null) {
      throw new InvalidStateError(`Cannot ${action} "${this.#name}": can only ${action} a started process`);
    }
    return this.#pid;
  }
}

/** Refuses options that types would have refused. */
function requireOptions(options: UntypedOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot create a process: the options are ${Deno.inspect(options)}, wanted an object`);
  }
  const { args, kwargs, name, daemon, env, stdout, stderr } = options;
  const require = (isGood: boolean, option: string, given: unknown, wanted: string) => {
    if (isGood || given === undefined) return;
    throw new TypeError(`Cannot create a process: "${option}" is ${Deno.inspect(given)}, wanted ${wanted}`);
  };
  const isStream = (given: unknown) => given === "inherit" || given === "null";
  require(globalThis.Array.isArray(args), "args", args, "an array");
  require(typeof name === "string", "name", name, "a string");
  require(typeof daemon === "boolean", "daemon", daemon, "a boolean");
  const isObject = (given: unknown) => typeof given === "object" && given !== null;
  const isEnvironment = isObject(env) && Object.values(env!).every((it) => typeof it === "string");
  require(isObject(kwargs), "kwargs", kwargs, "an object");
  require(isEnvironment, "env", env, "an object of strings");
  require(Object.keys(env ?? {}).every((it) => /^[^=]+$/.test(it)), "env", env, 'names without "="');
  require(isStream(stdout), "stdout", stdout, '"inherit" or "null"');
  require(isStream(stderr), "stderr", stderr, '"inherit" or "null"');
}

/**
 * The processes started here that are running. Those that have ended are joined as a side effect.
 *
 * @example None at first
 * ```ts
 * import { activeChildren } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(activeChildren(), []);
 * ```
 */
export function activeChildren(): Process[] {
  return [...active].filter((child) => child.isAlive());
}

/**
 * How many CPUs this process may use.
 *
 * @example One process each
 * ```ts
 * import { cpuCount } from "@parallel/multiprocessing";
 * import { assert } from "@std/assert";
 *
 * assert(cpuCount() >= 1);
 * ```
 */
export function cpuCount(): number {
  return native().availableCpus();
}
