// The class `Process`. Once started, it asks what started.ts describes, which knows how the process goes on.

import { inOneLine, shownName } from "../runtime/harmless.ts";
import type { AnyFunction, Target } from "../callable/arguments.ts";
import { type AuthenticationString, currentAuthkey, setCurrentAuthkey, toAuthkey } from "../launch/authkey.ts";
import { showAsText } from "../runtime/shown.ts";
import { pythonOf, type PythonReference } from "../callable/python_reference.ts";
import { type Callable, type Given, type ModuleExport, reference } from "../callable/reference.ts";
import { current, nextIdentity } from "../runtime/current.ts";
import { ofUsersCall } from "../runtime/stack.ts";
import { InvalidStateError } from "../errors.ts";
import { native } from "../addon/load.ts";
import { shareSelf } from "../addon/self.ts";
import type { WaitOptions, WaitSyncOptions } from "../waiting/options.ts";
import { register } from "../reduction/registry.ts";
import { methodFor } from "../launch/settings.ts";
import { requireMayStart, requireNotPastChildren, requireOwnLimit } from "./begin.ts";
import { activeChildren } from "./children.ts";
import { isName, type ProcessOptions, type ProcessSettings, requireProcessOptions } from "./options.ts";
import { refusalOfRun, requirePythonOptions } from "./python_target.ts";
import { Self } from "./self.ts";
import type { Sentinel } from "./sentinel.ts";
import { exitText, SIGINT, SIGKILL, SIGTERM } from "../runtime/signals.ts";
import "./promises.ts";
import { type StartedProcess, starterOf } from "./started.ts";
import { classReference, requireMethods } from "./subclass.ts";
import { argumentsOf, type Work, workOf } from "./work.ts";

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
export class Process<
  A extends readonly unknown[] = [],
  F extends AnyFunction = (...args: A) => unknown,
  K extends void = undefined,
> implements AsyncDisposable {
  static {
    showAsText(Process);
    register(Process, {
      refuse: "a Process cannot be sent to another process; send what is to be done instead",
    });
  }

  readonly #identity: readonly number[];
  /** Whether it is the process that runs. */
  readonly #isSelf: boolean = false;
  #class: Given | null = null;
  /** What `run` does and what it is started with, until the start. */
  #work: Work | null = null;
  #target: Given | null = null;
  /** What it runs, if that is a function of Python's. */
  #python: PythonReference | null = null;
  #options: ProcessSettings = {};
  #name: string;
  #daemon: boolean;
  #authkey: AuthenticationString | null = null;
  /** What came of it, once it has been started. */
  #child: StartedProcess | null = null;
  #isStarting = false;
  #isClosed = false;

  /**
   * A process that has yet to be started.
   *
   * @throws {TypeError} If another process could not find `target`: it is bound, inline, or certainly not exported; if
   * `run` is overridden in a class that cannot travel; or if another option is of the wrong type, or
   * unknown.
   */
  constructor(options?: ProcessOptions<A, F, K>) {
    const given: ProcessSettings = options === undefined ? {} : options;
    if (given instanceof Self) {
      this.#isSelf = true;
      this.#work = given.work;
      this.#identity = current.identity;
      this.#name = current.name;
      this.#daemon = current.daemon;
      return;
    }
    try {
      this.#take(given);
    } catch (error) {
      throw ofUsersCall(error);
    }
    const { name, daemon = current.daemon } = given;
    this.#options = given;
    this.#identity = nextIdentity();
    this.#name = name ?? `${this.#className}-${this.#identity.join(":")}`;
    this.#daemon = daemon;
  }

  /** Checks the options, and finds what is to be run. */
  #take(given: ProcessSettings): void {
    requireProcessOptions(given);
    this.#authkey = currentAuthkey(); // first: a Worker learns by it whose it is
    const { target } = given;
    this.#python = pythonOf(target);
    if (this.#python !== null) {
      requirePythonOptions(given);
      if (this.run !== Process.prototype.run) throw refusalOfRun(this.constructor.name, this.#python);
      this.#work = target as Work;
    } else if (target !== undefined) {
      this.#target = reference(target as Callable | ModuleExport);
      this.#work = workOf(target as Target<unknown[]>, this.#target, argumentsOf(given));
    }
    if (this.run !== Process.prototype.run) {
      this.#class = classReference(this.constructor as typeof Process, Process);
    }
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
    if (!isName(name)) {
      throw new TypeError(`Cannot name a process ${Deno.inspect(name)}: wanted a string without NUL`);
    }
    if (!this.#isSelf) {
      this.#name = name;
    } else {
      current.name = name;
      native().setProcessName(name);
      shareSelf(native());
    }
  }

  /** Whether the process ends when its parent does. May be changed before the start only. */
  get daemon(): boolean {
    return this.#daemon;
  }

  set daemon(daemon: boolean) {
    if (this.#isSelf || this.#child !== null) {
      throw new InvalidStateError(`Cannot change "daemon": process has already started`);
    }
    if (typeof daemon !== "boolean") {
      throw new TypeError(`Cannot change "daemon" to ${inOneLine(daemon)}: wanted a boolean`);
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
    return this.#isSelf ? Deno.pid : this.#child?.pid ?? null;
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
    if (this.#child === null) {
      throw new InvalidStateError(`Cannot wait for "${shownName(this.name)}": process not started`);
    }
    return this.#child.sentinel;
  }

  /**
   * How it ended: 0 normally, n by `Deno.exit(n)`, 1 by an uncaught error, −n by signal n; `null` while it runs or
   * before it was started.
   */
  get exitcode(): number | null {
    this.#requireOpen("look at");
    return this.#child?.poll() ?? null;
  }

  /**
   * What the process writes to its standard output, if that is `"piped"`. It may be read after the end, too, and is
   * then complete. A process that writes more than some 64 KiB waits until it is read, and so does a join of it.
   *
   * @throws {TypeError} If it is not piped.
   * @throws {InvalidStateError} If the process was not started, or is closed and this had not been asked for before.
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
   * @throws {InvalidStateError} If it was started before, this process may not have children, or it is exiting and has
   * waited for its children.
   * @throws {TypeError} If an argument, or a property of an instance with a `run` of its own, cannot be serialised; or if
   * no module exports the target, or the class with a `run` of its own. Then nothing is started. A main module that awaits
   * at its top level may not show yet what it exports: then {@linkcode join} says so, and the target does not run.
   * @throws {Deno.errors.NotCapable} If it is to have permissions that this process has not; then nothing is started.
   * @throws What the operating system says against it, as the matching `Deno.errors`.
   */
  start(): void {
    try {
      this.#start();
    } catch (error) {
      throw ofUsersCall(error);
    }
  }

  #start(): void {
    this.#requireOpen("start");
    if (this.#child !== null || this.#isStarting) {
      throw new InvalidStateError("Cannot start the process: cannot start a process twice");
    }
    if (this.#isSelf) {
      throw new InvalidStateError(
        `Cannot start "${shownName(this.name)}": can only start a process object created by current process`,
      );
    }
    requireMayStart();
    requireMethods(this, this.#class === null ? ["run"] : Object.keys(this));
    requireNotPastChildren();
    activeChildren();
    requireOwnLimit(this.#options);
    this.#isStarting = true;
    try {
      this.#child = this.#started();
    } finally {
      this.#isStarting = false;
    }
    // What was sent is not kept here.
    this.#options = {};
    this.#work = null;
  }

  /** Starts it, at last. While V8 is asked what modules export, callbacks of promises may run: they find it starting. */
  #started(): StartedProcess {
    return starterOf(this.constructor)({
      object: this as Process,
      method: methodFor(this.constructor),
      name: this.#name,
      identity: [...this.#identity],
      daemon: this.#daemon,
      target: this.#target,
      python: this.#python,
      Class: this.#class,
      state: this.#class === null ? {} : Object.fromEntries(Object.entries(this)),
      options: this.#options,
    });
  }

  /**
   * Waits for its end without blocking the thread.
   *
   * @returns `true`, or `false` if it did not end in time.
   * @throws {InvalidStateError} If it was not started.
   * @throws {ProcessError} If it could not begin its work, with the reason: a module that does not load or ends the
   * process, a target that was not found, a signal of somebody else's, or an exit code and where more is said.
   * @throws What `signal` was aborted with.
   */
  async join(options?: WaitOptions): Promise<boolean> {
    return await this.#requireStarted("join").join(options);
  }

  /** As {@linkcode join}, blocking the thread. */
  joinSync(options?: WaitSyncOptions): boolean {
    return this.#requireStarted("join").joinSync(options);
  }

  /** Whether it has been started and has not ended. */
  isAlive(): boolean {
    this.#requireOpen("look at");
    return this.#isSelf || (this.#child !== null && this.#child.poll() === null);
  }

  /** Asks it to end (SIGTERM). Nothing happens if it has ended. */
  terminate(): void {
    this.#requireStarted("terminate").send(SIGTERM);
  }

  /** Ends it (SIGKILL). Nothing happens if it has ended. */
  kill(): void {
    this.#requireStarted("kill").send(SIGKILL);
  }

  /** Interrupts it (SIGINT). Nothing happens if it has ended. */
  interrupt(): void {
    this.#requireStarted("interrupt").send(SIGINT);
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
        `Cannot close "${shownName(this.name)}": it is still running; call join() or terminate() first`,
      );
    }
    this.#isClosed = true;
    this.#child?.outputs.discard();
  }

  /** Terminates it if it is alive, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (this.#isClosed || child === null) return;
    if (child.poll() === null) {
      child.send(SIGTERM);
      child.outputs.discard(); // lest it waits for a reader
      await child.ended();
      child.poll();
    }
    child.outputs.discard();
  }

  /** As CPython shows it: `<Process name='Process-1' pid=… parent=… stopped exitcode=0>`. */
  toString(): string {
    const parts = [`name='${shownName(this.name)}'`];
    if (this.#child !== null || this.#isSelf) parts.push(`pid=${this.#child?.pid ?? Deno.pid}`);
    parts.push(`parent=${this.#isSelf ? current.parent?.pid ?? null : Deno.pid}`, this.#state());
    if (this.#daemon) parts.push("daemon");
    return `<${this.#className} ${parts.join(" ")}>`;
  }

  /** For messages; a class may have no name. */
  get #className(): string {
    return this.constructor.name || "Process";
  }

  #state(): string {
    if (this.#isClosed) return "closed";
    if (this.#isSelf) return "started";
    if (this.#child === null) return "initial";
    const exitcode = this.#child.poll();
    return exitcode === null ? "started" : `stopped exitcode=${exitText(exitcode)}`;
  }

  #output(name: "stdout" | "stderr"): ReadableStream<Uint8Array<ArrayBuffer>> {
    const output = this.#child?.outputs[name] ?? null;
    if (output?.isDiscarded) {
      throw new InvalidStateError(
        `Cannot read ${name} of "${shownName(this.name)}": nobody had asked for it when the process object was closed`,
      );
    }
    if (output !== null) return output.stream;
    if (this.#options[name] === "piped") {
      throw new InvalidStateError(`Cannot read ${name} of "${shownName(this.name)}": process not started`);
    }
    throw new TypeError(
      `Cannot read ${name} of "${shownName(this.name)}": it is not piped; make it with { ${name}: "piped" }`,
    );
  }

  #requireOpen(action: string): void {
    if (this.#isClosed) {
      throw new InvalidStateError(`Cannot ${action} "${shownName(this.name)}": process object is closed`);
    }
  }

  #requireStarted(action: string): StartedProcess {
    this.#requireOpen(action);
    if (this.#isSelf) {
      throw new InvalidStateError(`Cannot ${action} "${shownName(this.name)}": can only ${action} a child process`);
    }
    if (this.#child === null) {
      throw new InvalidStateError(`Cannot ${action} "${shownName(this.name)}": can only ${action} a started process`);
    }
    return this.#child;
  }
}
