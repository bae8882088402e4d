// Functions by reference, the sender's half. A function becomes the export of a module that it is, once it has
// been compared with that (proof.ts). Where that takes some turns of the event loop, the reference follows
// (late.ts). The receiver's half is resolve.ts.

import { isOwnModule } from "../runtime/own_modules.ts";
import { notFound, refuse, refusePrivate, unreachable } from "./refusal.ts";
import { isLate, Pledge, type TravellingReference } from "./late.ts";
import { knownNamespace } from "./namespaces.ts";
import { pythonOf, refusalOfPython } from "./python_reference.ts";
import { isAt, type Place, search, searchAtAnyPrice, searchLater } from "./proof.ts";
import { importersOf, readSource, urlOf } from "./source.ts";
import { type Callable, type FunctionReference, type ModuleExport, nameOf, sourceHash } from "./types.ts";
import { InvalidStateError } from "../errors.ts";
import { beforeBlocking } from "../addon/blocking.ts";

export type { Callable, FunctionReference, ModuleExport } from "./types.ts";
export { isLate, type TravellingReference };

/** Options of {@linkcode reference}. */
export interface ReferenceOptions {
  /** What is wanted: a function, a class, or any of both, generators among them. Default: `"function"`. */
  kind?: "function" | "class" | "maker";
  /** URLs of the modules that gave the function, innermost first. Default: {@linkcode callingModules}. */
  callers?: readonly string[];
}

/** A function that was given, and what is known of its place. */
export interface Given {
  /** What it is called in messages. */
  readonly label: string;
  /** URLs of the modules that another process may have to import for it. */
  readonly modules: readonly string[];
  /** Whether it is known where it is. */
  readonly isProven: boolean;
  /**
   * Finds out where it is, or begins to. `beforeRefusal` is called before anybody who waits for the reference is told that
   * there is none.
   *
   * @throws {TypeError} If no module exports it.
   */
  prove(beforeRefusal?: () => void): void;
  /**
   * Finds out where it is now, at any price, so that no answer has to follow.
   *
   * @throws {TypeError} If no module exports it.
   * @throws {InvalidStateError} If that cannot be known before something is awaited.
   */
  settle(): void;
  /** The reference by which another process finds it. If it is not proven yet, the answer follows: prove it next. */
  travel(): TravellingReference;
}

/**
 * Looks at a function that is to be run in another process.
 *
 * @throws {TypeError} If `target` is not a function, or certainly one that no other process can find: bound, inline, or
 * not exported by the module that declares it.
 */
export function reference(target: Callable | ModuleExport, options: ReferenceOptions = {}): Given {
  const { kind = "function" } = options;
  if (typeof target !== "function") return new ExplicitlyGiven(target, options.callers ?? callingModules());
  const python = pythonOf(target);
  if (python !== null) throw refusalOfPython(python);
  refuse(target, kind);
  const known = givenBefore.get(target);
  if (known !== undefined) return known;
  const callers = options.callers ?? callingModules();
  const main: string | undefined = Deno.mainModule; // undefined in a Worker
  const modules = [...new Set(main === undefined ? callers : [main, ...callers])].filter((url) => !isOwnModule(url));
  const naming = [...modules];
  for (const url of naming) {
    const source = readSource(url);
    if (source !== null) naming.push(...importersOf(nameOf(target), source, url).filter((it) => !naming.includes(it)));
  }
  refusePrivate(target, naming);
  const given = new GivenFunction(target, modules, naming);
  givenBefore.set(target, given);
  return given;
}

/** Functions given already: a pool asks for the same again and again. */
const givenBefore = new WeakMap<Callable, Given>();

/** URLs of the user's modules on the stack, innermost first. */
export function callingModules(): string[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 50;
    Error.prepareStackTrace = (_error, sites) => sites;
    const sites = new Error().stack as unknown as CallSite[];
    const urls = sites.map((site) => site.getScriptNameOrSourceURL() ?? "");
    return [...new Set(urls)].filter((url) => /^(file|https?|data|blob):/.test(url) && !isOwnModule(url));
  } finally {
    Object.assign(Error, { prepareStackTrace, stackTraceLimit });
  }
}

/** The part of V8's stack trace API that is used here: `getFileName` would give a path, not a URL. */
interface CallSite {
  getScriptNameOrSourceURL(): string | null;
}

/** Given by the module that exports it: whether it does, who imports that finds out. */
class ExplicitlyGiven implements Given {
  readonly label: string;
  readonly modules: readonly string[];
  readonly isProven = true;
  readonly #reference: FunctionReference;

  constructor(target: ModuleExport, callers: readonly string[]) {
    const { module, name } = (target ?? {}) as Partial<ModuleExport>;
    if (typeof name !== "string" || !(typeof module === "string" || module instanceof URL)) {
      throw new TypeError(
        `Cannot run ${Deno.inspect(target, { depth: 0 })} in another process: ` +
          `wanted a function exported by a module, or { module: string | URL, name: string }`,
      );
    }
    const url = moduleUrl(module, callers[0] ?? Deno.mainModule);
    this.label = name;
    this.modules = [url];
    this.#reference = { label: name, module: url, name, member: null, hash: null };
  }

  /** Whether the module exports it finds out who imports it; but some can be imported by nobody. */
  prove(beforeRefusal?: () => void): void {
    const refusal = unreachable(this.label, this.#reference.module);
    if (refusal === null) return;
    beforeRefusal?.();
    throw refusal;
  }

  settle(): void {
    this.prove();
  }

  travel(): FunctionReference {
    return this.#reference;
  }
}

/**
 * The function itself was given.
 *
 * | state | `#reference` | `#later` | `#refusal` | goes on to |
 * | --- | --- | --- | --- | --- |
 * | unproven | `null` | `null` | `null` | any |
 * | asked | `null` | modules | `null` | proven, refused |
 * | proven | set | `null` | `null` | unproven, if the export has another value by now |
 * | refused | `null` | `null` | set | unproven, when it is given again |
 */
class GivenFunction implements Given {
  readonly label: string;
  readonly #fn: Callable;
  /** Modules to begin the search with. */
  readonly #from: readonly string[];
  /** Modules that it may be in, as far as texts tell. */
  readonly #naming: readonly string[];
  #reference: FunctionReference | null = null;
  #later: readonly string[] | null = null;
  #refusal: TypeError | null = null;
  /** For those that have been promised the reference. */
  readonly #pledges = new Set<Pledge>();

  constructor(fn: Callable, from: readonly string[], naming: readonly string[]) {
    this.label = nameOf(fn) || "a function without a name";
    this.#fn = fn;
    this.#from = from;
    this.#naming = naming;
  }

  get modules(): readonly string[] {
    if (this.#reference !== null) return [this.#reference.module];
    return [...new Set([...this.#naming, ...this.#later ?? []])];
  }

  get isProven(): boolean {
    return this.#reference !== null && isAt(this.#fn, this.#reference);
  }

  prove(beforeRefusal?: () => void): void {
    if (this.isProven) return;
    this.#reference = null;
    if (this.#later !== null) return;
    this.#refusal = null;
    const { place, later } = search(this.#fn, this.#from);
    const refusal = place === null ? this.#refusalFor(later) : unreachable(this.label, place.module);
    if (refusal !== null) {
      beforeRefusal?.();
      throw this.#refused(refusal);
    }
    if (place !== null) return this.#found(place);
    this.#later = later;
    void this.#ask(later);
  }

  settle(): void {
    this.prove();
    if (!this.pay()) throw unknownYet(this.label);
    if (this.#refusal !== null) throw this.#refusal;
  }

  /** Why a function that was not found is refused at once; `null` if it may be found in these modules later. */
  #refusalFor(later: readonly string[]): TypeError | null {
    if (later.length === 0) return notFound(this.#fn, this.#from);
    return later.length === 1 ? unreachable(this.label, later[0]) : null;
  }

  async #ask(later: readonly string[]): Promise<void> {
    const place = await searchLater(this.#fn, later).catch(() => null);
    if (this.#later === later) this.#conclude(place);
  }

  /** The search has ended: those that wait for it are told. */
  #conclude(place: Place | null): void {
    this.#later = null;
    try {
      if (place === null) this.#refused();
      else this.#found(place);
    } catch {
      // Those that wait have been told.
    }
  }

  travel(): TravellingReference {
    if (this.#reference !== null) return this.#reference;
    const pledge = new Pledge(this.label);
    if (this.#refusal !== null) {
      pledge.say({ refused: this.#refusal.message });
      return pledge.reference;
    }
    this.#pledges.add(pledge);
    owing.add(this);
    beforeBlocking(payBeforeBlocking);
    return pledge.reference;
  }

  #found(place: Place): void {
    const refusal = unreachable(this.label, place.module);
    if (refusal !== null) throw this.#refused(refusal);
    this.#reference = { label: this.label, ...place, hash: sourceHash(this.#fn) };
    this.#say({ found: this.#reference });
  }

  #refused(refusal = notFound(this.#fn, this.#from)): TypeError {
    this.#refusal = refusal;
    this.#say({ refused: refusal.message });
    return refusal;
  }

  #say(word: Parameters<Pledge["say"]>[0]): void {
    for (const pledge of this.#pledges) pledge.say(word);
    this.#pledges.clear();
    owing.delete(this);
    if (owing.size === 0) beforeBlocking(null);
  }

  /** Keeps at once what was promised; whether that was possible. */
  pay(): boolean {
    const later = this.#later;
    if (later === null) return true;
    const place = searchAtAnyPrice(this.#fn, later);
    if (place === null && later.some((url) => knownNamespace(url) === null)) return false;
    this.#conclude(place);
    return true;
  }

  /** Breaks what was promised. */
  giveUp(): void {
    this.#later = null;
    this.#refused(
      new TypeError(
        `Cannot run "${this.label}": the process that gave it ends before it can say which module exports it`,
      ),
    );
  }
}

/** Those that have promised a reference. */
const owing = new Set<GivenFunction>();

/** Somebody is about to block the thread: what was promised is kept now, or not before that has ended. */
function payBeforeBlocking(): void {
  for (const given of [...owing]) {
    if (given.pay()) continue;
    throw new InvalidStateError(
      "Cannot block the thread yet: a process was just started that is to be told which module exports " +
        `"${given.label}", which the main module does not show before it awaits something; await something before, ` +
        "such as the twin of this method without Sync, start with --allow-sys, or give { module, name }",
    );
  }
}

function unknownYet(label: string): InvalidStateError {
  return new InvalidStateError(
    `Cannot say yet which module exports "${label}", which the main module does not show before it awaits something; ` +
      "await something before, start with --allow-sys, or give { module, name }",
  );
}

/** This process ends: what was promised is kept, or else broken. */
export function payAtExit(): void {
  for (const given of [...owing]) if (!given.pay()) given.giveUp();
}

/**
 * The URL of a module that is named as `base` would name it in an `import`.
 *
 * @throws {TypeError} If there is none.
 */
export function moduleUrl(module: string | URL, base: string): string {
  if (module instanceof URL) return module.href;
  const url = urlOf(module, base);
  if (url !== null) return url;
  throw new TypeError(
    `Cannot find the module ${Deno.inspect(module)} from "${base}": wanted a URL, a path that begins with "/", "./" ` +
      'or "../", or a name that is in the import map',
  );
}
