/**
 * Processes, after Python's `multiprocessing.process`.
 *
 * @module
 */

import { type AuthenticationString, currentAuthkey, setCurrentAuthkey, toAuthkey } from "./authkey.ts";
import { type Callable, type FunctionReference, type ModuleExport, reference } from "./callable.ts";
import { resolve } from "./callable_resolve.ts";
import { current, nextIdentity } from "./current.ts";
import { InvalidStateError, ProcessError } from "./errors.ts";
import { refillWarm } from "./forkserver.ts";
import { launch } from "./launch.ts";
import { native, translated } from "./native.ts";
import { timeoutOf, type WaitOptions, type WaitSyncOptions } from "./options.ts";
import { addChild, removeChild } from "./process/children.ts";
import { type ProcessOptions, requireOptions, type Target, type UntypedOptions } from "./process/options.ts";
import { pipedErrors, PipedOutput } from "./process/output.ts";
import { becomeSelf, knownSelf, Self, type Work } from "./process/self.ts";
import { Sentinel } from "./process/sentinel.ts";
import { classReference } from "./process/subclass.ts";
import { register } from "./reduction.ts";
import { methodFor } from "./start_method.ts";
import { waitWithin } from "./waits.ts";

export type { AuthenticationString } from "./authkey.ts";
export type { ModuleExport } from "./callable.ts";
export type { ChildPermissions, Grant } from "./permissions.ts";
export { type ParentProcess, parentProcess } from "./process/parent.ts";
export type { ProcessOptions, Target } from "./process/options.ts";
export type { Sentinel } from "./process/sentinel.ts";

/** After how many milliseconds of waiting for a process it is asked for the first time why it does not end. */
const DOUBT_AFTER = 1000;

const SIGINT = 2;
const SIGKILL = 9;
const SIGTERM = 15;

/** The names of Linux's signals that end processes. */
const SIGNAL_NAMES = {
  ...{ 1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE" },
  ...{ 9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM" },
};

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
 *
 * @example Let it read one folder, and nothing else
 * ```ts
 * import { Process, Queue } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const source = `export function ask(said) {
 *   const state = (name, path) => Deno.permissions.querySync({ name, path }).state;
 *   said.putSync([state("read", "/tmp/x"), state("read", "/etc"), state("write", "/tmp/x"), state("net")]);
 * }`;
 * const target = { module: `data:text/javascript,${encodeURIComponent(source)}`, name: "ask" };
 * const said = new Queue<string[]>();
 * const child = new Process({ target, args: [said], permissions: { read: ["/tmp"] } });
 * child.start();
 * assertEquals(await said.get(), ["granted", "prompt", "prompt", "prompt"]);
 * await child.join();
 * ```
 *
 * @example A class of one's own
 * ```ts ignore
 * import { Process, Queue } from "@parallel/multiprocessing";
 *
 * export class Square extends Process {
 *   constructor(private n: number, private results: Queue<number>) {
 *     super();
 *   }
 *   override run() {
 *     this.results.putSync(this.n ** 2);
 *   }
 * }
 *
 * if (import.meta.main) {
 *   const results = new Queue<number>();
 *   new Square(7, results).start();
 *   console.log(await results.get()); // 49
 * }
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

  readonly #identity: readonly number[];
  /** Whether it is the process that runs. */
  readonly #isSelf: boolean = false;
  readonly #class: FunctionReference | null = null;
  /** What `run` does and what it is started with, until the start. */
  #work: Work | null = null;
  #target: FunctionReference | null = null;
  #options: UntypedOptions = {};
  #name: string;
  #daemon: boolean;
  #authkey: AuthenticationString | null = null;
  #sentinel: Sentinel | null = null;
  readonly #outputs: { stdout: PipedOutput | null; stderr: PipedOutput | null } = { stdout: null, stderr: null };
  #pid: number | null = null;
  #exitcode: number | null = null;
  /** Why it could not begin its work. */
  #failure: string | null = null;
  #isFailureTold = false;
  #hasSetExitCode = false;
  /** The full queue that it was last seen waiting for, and how many messages had been taken from that. */
  #stuckAt: { queue: number; taken: number } | null = null;
  #isClosed = false;

  /**
   * A process that has yet to be started.
   *
   * @throws {TypeError} If another process could not find `target`: it is bound, inline, or certainly not exported; if
   * `run` is overridden in a class that cannot travel; or if another option is of the wrong type.
   */
  constructor(options: ProcessOptions<A> = {}) {
    if (options instanceof Self) {
      this.#isSelf = true;
      this.#work = options.work;
      this.#identity = current.identity;
      this.#name = current.name;
      this.#daemon = current.daemon;
      return;
    }
    const { target, name, daemon = current.daemon } = options;
    requireOptions(options);
    if (target !== undefined) {
      this.#target = reference(target as Callable | ModuleExport);
      this.#work = workOf(target, this.#target, argumentsOf(options));
    }
    if (this.run !== Process.prototype.run) {
      this.#class = classReference(this.constructor as typeof Process, Process);
    }
    this.#options = options;
    this.#identity = nextIdentity();
    this.#name = name ?? `${this.constructor.name}-${this.#identity.join(":")}`;
    this.#daemon = daemon;
    this.#authkey = currentAuthkey();
  }

  /** The numbers of the processes on the way from the root to this one. */
  get identity(): readonly number[] {
    return this.#identity;
  }

  /** For messages; may be any text, and the same for several processes. */
  get name(): string {
    return this.#isSelf ? current.name : this.#name;
  }

  set name(name: string) {
    if (typeof name !== "string") throw new TypeError(`Cannot name a process ${Deno.inspect(name)}: wanted a string`);
    if (!this.#isSelf) {
      this.#name = name;
    } else {
      current.name = name;
      native().setProcessName(name);
    }
  }

  /** Whether the process ends when its parent does. May be changed before the start only. */
  get daemon(): boolean {
    return this.#daemon;
  }

  set daemon(daemon: boolean) {
    if (this.#isSelf || this.#pid !== null) {
      throw new InvalidStateError(`Cannot change "daemon": process has already started`);
    }
    this.#daemon = daemon;
  }

  /**
   * The key that its connections authenticate each other with: that of the process that made it, until another is set.
   * Setting it after the start changes nothing in a child.
   *
   * @throws {TypeError} If something else than a Uint8Array is set.
   */
  get authkey(): AuthenticationString {
    return this.#authkey ?? currentAuthkey();
  }

  set authkey(key: Uint8Array) {
    if (this.#isSelf) setCurrentAuthkey(key);
    else this.#authkey = toAuthkey(key);
  }

  /** The id that the operating system gave it; `null` before the start. */
  get pid(): number | null {
    this.#requireOpen("look at");
    return this.#isSelf ? Deno.pid : this.#pid;
  }

  /** As {@linkcode pid}. */
  get ident(): number | null {
    return this.pid;
  }

  /**
   * What `connection.wait` waits for until the process has ended.
   *
   * @throws {InvalidStateError} If it was not started by this process.
   */
  get sentinel(): Sentinel {
    this.#requireOpen("wait for");
    if (this.#pid === null) {
      throw new InvalidStateError(`Cannot wait for "${this.name}": process not started`);
    }
    const pid = this.#pid;
    return this.#sentinel ??= new Sentinel(() =>
      this.#isClosed || this.#poll() !== null ? null : native().childDescriptor(pid)
    );
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
   * What the process writes to its standard output, if that is `"piped"`. It may be read after the end, too, and is
   * then complete. A process that writes more than some 64 KiB waits until it is read, as does whoever joins it.
   *
   * @throws {TypeError} If it is not piped.
   * @throws {InvalidStateError} If the process was not started.
   *
   * @example The output of a process
   * ```ts
   * import { Process } from "@parallel/multiprocessing";
   * import { assertEquals } from "@std/assert";
   *
   * const module = "data:text/javascript,export function greet(name) { console.log('Hello', name) }";
   * const child = new Process({ target: { module, name: "greet" }, args: ["Ada"], stdout: "piped" });
   * child.start();
   * assertEquals(await new Response(child.stdout).text(), "Hello Ada\n");
   * await child.join();
   * ```
   */
  get stdout(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#output("stdout");
  }

  /** As {@linkcode stdout}, its standard error. */
  get stderr(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#output("stderr");
  }

  /**
   * What the process does: calls the target with its arguments. An exported subclass may override it. Then the class is
   * found in the other process by its name, as a function is, and the instance's own properties travel; its constructor
   * does not run again. It may be called in this process, too, before the start.
   */
  run(): void | Promise<void> {
    return this.#work?.() as void | Promise<void>;
  }

  /**
   * Starts the process; it exists when this returns.
   *
   * @throws {InvalidStateError} If it was started before, or this process may not have children.
   * @throws {TypeError} If an argument, or a property of an instance with a `run` of its own, cannot be serialised; then
   * nothing is started.
   * @throws {Deno.errors.NotCapable} If it is to have permissions that this process has not; then nothing is started.
   * @throws What the operating system says against it, as the matching `Deno.errors`.
   */
  start(): void {
    this.#requireOpen("start");
    if (this.#pid !== null) throw new InvalidStateError("Cannot start the process: cannot start a process twice");
    if (this.#isSelf) {
      throw new InvalidStateError(
        `Cannot start "${this.name}": can only start a process object created by current process`,
      );
    }
    if (current.daemon) {
      throw new InvalidStateError("Cannot start a process: daemonic processes are not allowed to have children");
    }
    if (Object.hasOwn(this, "run")) {
      throw new TypeError(`Cannot start "${this.name}": its "run" is a property, wanted a method of an exported class`);
    }
    if (!current.mayStart()) {
      throw new InvalidStateError(
        "Cannot start a process while the main module is imported by a child: " +
          "put what starts processes into `if (import.meta.main) { … }`",
      );
    }
    activeChildren();
    const { permissions = "inherit", env, cwd, stdout = "inherit", stderr = "inherit" } = this.#options;
    this.#pid = launch({
      method: methodFor(this.constructor),
      permissions,
      preparation: {
        name: this.#name,
        identity: [...this.#identity],
        daemon: this.#daemon,
        authkey: this.authkey,
        target: this.#target,
        process: this.#class,
      },
      args: argumentsOf(this.#options),
      state: this.#class === null ? {} : Object.fromEntries(Object.entries(this)),
      env,
      cwd,
      stdout,
      stderr,
    });
    if (stdout === "piped") this.#outputs.stdout = new PipedOutput(this.#pid, 1);
    if (stderr === "piped") pipedErrors.set(this, this.#outputs.stderr = new PipedOutput(this.#pid, 2));
    active.add(this);
    addChild({
      pid: this.#pid,
      name: this.#name,
      daemon: this.#daemon,
      shutOutputs: () => [this.#outputs.stdout, this.#outputs.stderr].forEach((output) => output?.shut()),
    });
    // What was sent is not kept here.
    this.#options = {};
    this.#work = null;
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
      const stopDoubting = this.#doubt();
      try {
        await this.#ended(timeout, options?.signal);
      } finally {
        stopDoubting();
      }
    }
    return this.#isOver();
  }

  /** As {@linkcode join}, blocking the thread. */
  joinSync(options?: WaitSyncOptions): boolean {
    const timeout = timeoutOf(options);
    const pid = this.#requireStarted("join");
    if (this.#poll() !== null) return this.#isOver();
    let left = timeout;
    this.#stuckAt = null;
    let slice = DOUBT_AFTER;
    for (let next = slice; left > 0; slice = next, next *= 2) {
      if (native().childJoin(pid, Math.min(left, slice))) break;
      left -= slice;
      if (left > 0 && this.#warnIfStuck()) next = Infinity;
    }
    return this.#isOver();
  }

  /** Whether it has been started and has not ended. */
  isAlive(): boolean {
    this.#requireOpen("look at");
    return this.#isSelf || (this.#pid !== null && this.#poll() === null);
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
    if (this.isAlive()) {
      throw new InvalidStateError(
        `Cannot close "${this.name}": it is still running; call join() or terminate() first`,
      );
    }
    this.#isClosed = true;
    this.#discardOutputs();
  }

  /** Terminates it if it is alive, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed || this.#pid === null) return;
    if (this.#poll() === null) {
      this.terminate();
      this.#discardOutputs(); // lest it waits for a reader
      await this.#ended();
      this.#poll();
    }
    this.#discardOutputs();
  }

  /** As CPython shows it: `<Process name='Process-1' pid=… parent=… stopped exitcode=0>`. */
  toString(): string {
    const parts = [`name='${this.name}'`];
    if (this.#pid !== null || this.#isSelf) parts.push(`pid=${this.#pid ?? Deno.pid}`);
    parts.push(`parent=${this.#isSelf ? current.parent?.pid ?? null : Deno.pid}`, this.#state());
    if (this.#daemon) parts.push("daemon");
    return `<${this.constructor.name} ${parts.join(" ")}>`;
  }

  #state(): string {
    if (this.#isClosed) return "closed";
    if (this.#isSelf) return "started";
    if (this.#pid === null) return "initial";
    const exitcode = this.#poll();
    return exitcode === null ? "started" : `stopped exitcode=${exitText(exitcode)}`;
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
        queueMicrotask(refillWarm);
      }
    }
    return this.#exitcode;
  }

  /** Waits in the reactor; whether it ended is then to be polled. */
  async #ended(timeout = Infinity, signal?: AbortSignal): Promise<void> {
    const pid = this.#pid!;
    await waitWithin(timeout, () => translated(() => native().childAwait(pid)), signal);
  }

  /** A process that could not begin makes the program fail, unless `join` has told, or will tell, somebody. */
  #noteFailure(): void {
    if (this.#failure === null || this.#isFailureTold || Deno.exitCode !== 0) return;
    Deno.exitCode = 1;
    this.#hasSetExitCode = true;
  }

  /** Looks now and then, ever more seldom, whether the process can end, until it has warned; how to stop that. */
  #doubt(): () => void {
    this.#stuckAt = null;
    let delay = DOUBT_AFTER;
    const look = () => {
      if (this.#warnIfStuck()) return;
      timer = setTimeout(look, delay);
      delay *= 2;
    };
    let timer = setTimeout(look, delay);
    return () => clearTimeout(timer);
  }

  #output(name: "stdout" | "stderr"): ReadableStream<Uint8Array<ArrayBuffer>> {
    const output = this.#outputs[name];
    if (output !== null) return output.stream;
    if (this.#options[name] === "piped") {
      throw new InvalidStateError(`Cannot read ${name} of "${this.name}": process not started`);
    }
    throw new TypeError(`Cannot read ${name} of "${this.name}": it is not piped; make it with { ${name}: "piped" }`);
  }

  /** Closes the pipes that nobody has asked for. */
  #discardOutputs(): void {
    this.#outputs.stdout?.discard();
    this.#outputs.stderr?.discard();
  }

  /**
   * The classic deadlocks: a process is joined that cannot end before somebody takes from a queue, or reads its output.
   * Whether it is one of them.
   */
  #warnIfStuck(): boolean {
    if (this.#poll() !== null) return false;
    for (const name of ["stdout", "stderr"] as const) {
      if (!this.#outputs[name]?.isFull) continue;
      console.warn(
        `Waiting for "${this.name}" (pid ${this.#pid}), which cannot end: its ${name} is a full pipe; ` +
          `read the stream, or cancel it, before you join the process`,
      );
      return true;
    }
    const queue = native().childPutting(this.#pid!);
    if (queue === 0) {
      this.#stuckAt = null;
      return false;
    }
    const [size, maxsize, taken] = [
      native().queueSize(queue),
      native().queueMaxsize(queue),
      native().queueTaken(queue),
    ];
    // As it was at the last look: else somebody takes, if slowly.
    const last = this.#stuckAt;
    this.#stuckAt = { queue, taken };
    if (size < maxsize || last?.queue !== queue || last.taken !== taken) return false;
    console.warn(
      `Waiting for "${this.name}" (pid ${this.#pid}), which cannot end: it waits to put into the full queue ` +
        `<Queue ${queue} (${size} of ${maxsize} values)>, and nobody takes from that; ` +
        "take from the queue before you join the process",
    );
    return true;
  }

  #isOver(): boolean {
    if (this.#poll() === null) return false;
    if (this.#failure === null) return true;
    this.#isFailureTold = true;
    if (this.#hasSetExitCode) Deno.exitCode = 0;
    this.#hasSetExitCode = false;
    throw new ProcessError(`Cannot run "${this.name}": ${this.#failure}`);
  }

  #signal(action: string, signal: number): void {
    const pid = this.#requireStarted(action);
    if (this.#poll() === null) translated(() => native().childSignal(pid, signal));
  }

  #requireOpen(action: string): void {
    if (this.#isClosed) throw new InvalidStateError(`Cannot ${action} "${this.name}": process object is closed`);
  }

  #requireStarted(action: string): number {
    this.#requireOpen(action);
    if (this.#isSelf) {
      throw new InvalidStateError(`Cannot ${action} "${this.name}": can only ${action} a child process`);
    }
    if (this.#pid === null) {
      throw new InvalidStateError(`Cannot ${action} "${this.name}": can only ${action} a started process`);
    }
    return this.#pid;
  }
}

/** What the target is called with. */
function argumentsOf({ args = [], kwargs }: UntypedOptions): unknown[] {
  return [...args, ...kwargs === undefined ? [] : [kwargs]];
}

/** Calls the target, in the process that was given it. */
function workOf<A extends readonly unknown[]>(target: Target<A>, reference: FunctionReference, args: unknown[]): Work {
  if (typeof target === "function") return () => target(...args as unknown as A);
  return async () => await (await resolve(reference))(...args);
}

/** An exit code with the name of its signal, as in `-SIGKILL`. */
function exitText(exitcode: number): string {
  const names: Record<number, string> = SIGNAL_NAMES;
  return names[-exitcode] === undefined ? `${exitcode}` : `-${names[-exitcode]}`;
}

/**
 * The process that runs this, as an object. In a child it is of the class that its parent started, if that overrides
 * `run`.
 *
 * @example In the main program
 * ```ts
 * import { currentProcess } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const { name, pid, daemon, exitcode } = currentProcess();
 * assertEquals({ name, pid, daemon, exitcode }, { name: "MainProcess", pid: Deno.pid, daemon: false, exitcode: null });
 * ```
 */
export function currentProcess(): Process {
  return knownSelf() ?? becomeSelf(new Process(new Self(null) as ProcessOptions));
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
