// A client's way to a server of Python's. One for each thread, address and key.
//
// What takes no time goes by one connection, one request behind the other. Every call that may take its time has a connection
// of its own while it is under way, out of a few that are kept; requests to the server itself have one each, as Python's own.

import type { Address } from "../../connection/address.ts";
import { AuthenticationError, EOFError, ProcessError, RemoteError, TimeoutError } from "../../errors.ts";
import type { Line, ObjectId } from "../../managers/line.ts";
import { SERVER_ID } from "../../managers/messages.ts";
import { exposedByBuiltIn, proxyClassOf } from "../../managers/proxy_classes.ts";
import { BaseProxy, insideOf, SyncProxy } from "../../managers/proxy.ts";
import type { Registration } from "../../managers/registrations.ts";
import { atCall } from "../../managers/stacks.ts";
import { dumpWith } from "../../pickle/dumps.ts";
import type { Call } from "../../pickle/reduction.ts";
import { tupleOf } from "../../pickle/tuple.ts";
import { Finalize } from "../../runtime/finalize.ts";
import { performance } from "../../runtime/timing.ts";
import { timeoutOf, type WaitOptions, type WaitSyncOptions } from "../../waiting/options.ts";
import { reducedException } from "../exceptions.ts";
import { namesOf, type PythonAddress, reducedProxy, type SaidProxy, tablesOf, Token } from "../token.ts";
import { classOfProxies } from "../types.ts";
import { Asked, AUTO } from "../wire.ts";
import { dialledAs, isHere, isSame, likelyAddress } from "./addresses.ts";
import { answerOf } from "./answers.ts";
import { type Answer, type Ask, secondsOf, type Wait } from "./ask.ts";
import { Few } from "./few.ts";
import { noteSent, wireOf } from "./holding.ts";
import { type Known, KnownObjects } from "./known.ts";
import { isGivenUp, late, type Limits, NO_LIMITS, valueOf, within } from "./limits.ts";
import { reducedNamespace } from "./namespaces.ts";
import { roundTrip, roundTripSync } from "./round_trip.ts";
import { run, runSync } from "./runs.ts";
import { own } from "./server_calls.ts";
import { Stock } from "./stock.ts";
import { translated, translationsOf } from "./types/table.ts";
import { typeUsedAs } from "./types/used_as.ts";
import { type Place, Wire } from "./wire.ts";

/** Milliseconds that a wait lasts in the server before it is renewed. */
const SLICE = 1000;
/** Milliseconds that a server has to answer the first request. */
const GREETING = 10_000;
/** Milliseconds that a server has to take a reference back where that holds up an end. */
const FAREWELL = 1000;

/** The lines of this thread, by addresses and keys. */
const lines = new Map<string, PythonServerLine>();

/** Who has proxies of an object: told when one was collected. */
interface Share {
  readonly line: PythonServerLine;
  readonly id: ObjectId;
}
const collected = new FinalizationRegistry<Share>(({ line, id }) => line.giveUp(id));

/** In the place of bytes that need to know what the server's address is. */
const UNKNOWN_ADDRESS = Symbol("the server's own address is not known");

/** What is wanted of a server itself. */
export interface ServerCall {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly kwargs?: object;
}

/** A client's line to a server of Python's. */
export class PythonServerLine implements Line {
  /** That of this thread to a server. `authkey` is what it asks for; `null`: nothing. */
  static to(address: Address, authkey: Uint8Array | null): PythonServerLine {
    const name = JSON.stringify([address, authkey === null ? null : [...authkey]]);
    const known = lines.get(name);
    if (known !== undefined) return known;
    const line = new PythonServerLine(name, { address, authkey });
    lines.set(name, line);
    return line;
  }

  readonly namesFunctions = true;
  readonly #name: string;
  readonly #stock: Stock;
  readonly objects = new KnownObjects();
  /** The types that those have registered who have connected by it. */
  readonly #registrations = new Map<string, Registration>();
  #users = 0;
  /** References that are being given back. */
  readonly #giving = new Set<Promise<void>>();
  readonly #few = new Few();
  /** Whether the server has not taken one back, at the end. */
  #isSilent = false;
  /** The server's address as the server itself has it, once a message has said so. */
  #ownAddress: PythonAddress | null = null;
  #finalizer: Finalize | null = null;

  private constructor(name: string, place: Place) {
    this.#name = name;
    this.#stock = new Stock(place);
  }

  get server(): string {
    return this.#stock.server;
  }

  // Its beginning and its end.

  /** Connects, and asks whether a server is there. */
  async connect(options: WaitOptions = {}): Promise<void> {
    const timeout = Math.min(GREETING, timeoutOf(options));
    await this.#greeted(this.ask({ name: Asked.dummy, args: [] }, { ...options, timeout }), timeout);
    this.#open();
  }

  async #greeted(attempt: Promise<unknown>, timeout: number): Promise<void> {
    try {
      await attempt;
    } catch (error) {
      throw this.#noServer(error, timeout);
    }
  }

  /** As {@linkcode connect}, blocking the thread. */
  connectSync(options: WaitSyncOptions = {}): void {
    const timeout = Math.min(GREETING, timeoutOf(options));
    try {
      this.askSync({ name: Asked.dummy, args: [] }, { ...options, timeout });
    } catch (error) {
      throw this.#noServer(error, timeout);
    }
    this.#open();
  }

  /** Why there is no connection. */
  #noServer(error: unknown, timeout: number): unknown {
    const cannot = `Cannot connect to the manager's server ${this.server}`;
    if (error instanceof TimeoutError) {
      return new TimeoutError(`${cannot}: it was silent for ${Math.round(timeout)} ms; it may be another program's`);
    }
    const isOther = error instanceof EOFError || error instanceof RemoteError || isPlain(error);
    return isOther ? new ProcessError(`${cannot}: what listens there is no manager's server`, { cause: error }) : error;
  }

  #open(): void {
    this.#stock.wasOpen = true;
    this.#finalizer ??= new Finalize(() => this.#endNow(), { priority: 10, name: `proxies of ${this.server}` });
  }

  /** A manager has connected by it, which has registered these types: until it calls {@linkcode leave}. */
  enter(registrations: ReadonlyMap<string, Registration>): void {
    this.#users++;
    for (const [typeid, registration] of registrations) this.#registrations.set(typeid, registration);
  }

  /** Undoes one {@linkcode enter}; the last one gives back all references, and closes it. */
  async leave(): Promise<void> {
    if (--this.#users > 0 || this.#stock.isOver) return;
    const all = this.#end();
    for (const known of all) this.#letGo(known);
    await Promise.all(this.#giving);
    this.#stock.close();
  }

  /** No call is made by it any more; what there is to be given back. */
  #end(): Known[] {
    this.#stock.isOver = true;
    if (lines.get(this.#name) === this) lines.delete(this.#name);
    this.#finalizer?.cancel();
    return this.objects.clear();
  }

  /** This process ends. */
  #endNow(): void {
    const until = performance.now() + FAREWELL;
    const all = this.#end();
    try {
      for (const { shares, ident } of all) {
        for (let i = 0; i < shares; i++) {
          const timeout = until - performance.now();
          if (timeout <= 0) return;
          this.askSync({ name: Asked.decref, args: [ident] }, { timeout });
        }
      }
    } catch {
      // The server has gone before.
    }
  }

  // Requests to the server itself.

  /** Has the server itself do something, by a connection of its own. */
  async ask(call: ServerCall, options: WaitOptions = {}): Promise<unknown> {
    const timeout = timeoutOf(options);
    const until = performance.now() + timeout;
    const limits = { asked: call.name, until, timeout, signal: options.signal };
    let bytes = this.#serverBytes(call);
    if (bytes === UNKNOWN_ADDRESS) {
      await this.#learnAddress();
      bytes = this.#serverBytes(call);
    }
    const wire = await this.#stock.open(limits);
    try {
      return valueOf(await this.#answer(wire, bytes as Uint8Array, limits));
    } finally {
      wire.close();
    }
  }

  /** As {@linkcode ask}, blocking the thread. */
  askSync(call: ServerCall, options: WaitSyncOptions = {}): unknown {
    const timeout = timeoutOf(options);
    const until = performance.now() + timeout;
    const limits = { asked: call.name, until, timeout, signal: undefined };
    const bytes = this.#knowingSync(() => this.#serverBytes(call));
    const wire = this.#stock.openSync(limits);
    try {
      return valueOf(this.#answerSync(wire, bytes, limits));
    } finally {
      wire.close();
    }
  }

  #serverBytes({ name, args, kwargs = {} }: ServerCall): Uint8Array | typeof UNKNOWN_ADDRESS {
    return this.#dumped([null, name, tupleOf(args), kwargs]);
  }

  // Messages.

  /** A message; its arguments may have proxies in them. */
  #dumped(parts: readonly unknown[]): Uint8Array | typeof UNKNOWN_ADDRESS {
    try {
      return dumpWith(tupleOf(parts), (value) => this.#reduced(value));
    } catch (error) {
      if (error === UNKNOWN_ADDRESS) return UNKNOWN_ADDRESS;
      throw error;
    }
  }

  #reduced(value: object): Call | undefined {
    const proxy = value instanceof SyncProxy ? value[insideOf]() : value;
    if (!(proxy instanceof BaseProxy)) return reducedNamespace(value) ?? reducedException(value);
    const { line, id } = proxy[insideOf]();
    if (!(line instanceof PythonServerLine)) {
      throw new TypeError(
        `Cannot send the proxy to the manager's server ${this.server}: its object is in a server of this package's, which ` +
          "Python cannot reach by it",
      );
    }
    return line.#described(id);
  }

  #described(id: ObjectId): Call {
    const { ident, typeid, className, names } = this.#known(id);
    if (this.#ownAddress === null) throw UNKNOWN_ADDRESS;
    return reducedProxy({ token: new Token(typeid, this.#ownAddress, ident), className, exposed: names });
  }

  /** What knows the server's address, blocking the thread. */
  #knowingSync(bytes: () => Uint8Array | typeof UNKNOWN_ADDRESS): Uint8Array {
    const known = bytes();
    if (known !== UNKNOWN_ADDRESS) return known;
    this.#learnAddressSync();
    return bytes() as Uint8Array;
  }

  /** Has the server say its address: that of the token of an iterator. */
  async #learnAddress(): Promise<void> {
    try {
      using dict = this.#made("dict", await this.ask({ name: Asked.create, args: ["dict"] }));
      using _ = await this.call(dict[insideOf]().id, "__iter__", []) as BaseProxy;
    } catch {
      // It has no dicts.
    }
    this.#ownAddress ??= likelyAddress(this.#stock.place.address);
  }

  #learnAddressSync(): void {
    try {
      using dict = this.#made("dict", this.askSync({ name: Asked.create, args: ["dict"] }));
      using _ = this.callSync(dict[insideOf]().id, "__iter__", []) as BaseProxy;
    } catch {
      // It has no dicts.
    }
    this.#ownAddress ??= likelyAddress(this.#stock.place.address);
  }

  /** Sends bytes; the answer to them. */
  async #answer(wire: Wire, bytes: Uint8Array, limits: Limits, onLate?: (answer: Answer) => void): Promise<Answer> {
    const answer = await roundTrip(wire, bytes, limits, (bytes) => onLate?.(this.#tooLate(bytes)));
    if (answer === null) throw this.#stock.gone();
    return await this.#read(answer);
  }

  #answerSync(wire: Wire, bytes: Uint8Array, limits: Limits, onLate?: (answer: Answer) => void): Answer {
    const answer = roundTripSync(wire, bytes, limits, (bytes) => onLate?.(this.#tooLate(bytes)));
    if (answer === null) throw this.#stock.gone();
    return this.#readSync(answer);
  }

  /** The answer to a call that was given up: of what it gives, nothing is kept. */
  #tooLate(bytes: Uint8Array | null): Answer {
    if (bytes === null) return { error: this.#stock.gone() };
    const { answer, fresh } = this.#decoded(bytes);
    for (const proxy of fresh) proxy[Symbol.dispose]();
    if ("value" in answer && answer.value instanceof BaseProxy) answer.value[Symbol.dispose]();
    return answer;
  }

  /** What an answer says, once this client has a reference to each object in it. */
  async #read(bytes: Uint8Array): Promise<Answer> {
    const { answer, fresh } = this.#decoded(bytes);
    if (fresh.length === 0) return answer;
    try {
      await Promise.all(fresh.map((proxy) => shareOf(proxy)));
    } catch (error) {
      for (const proxy of fresh) proxy[Symbol.dispose]();
      return { error };
    }
    return answer;
  }

  #readSync(bytes: Uint8Array): Answer {
    const { answer, fresh } = this.#decoded(bytes);
    try {
      for (const proxy of fresh) shareOfSync(proxy);
    } catch (error) {
      for (const proxy of fresh) proxy[Symbol.dispose]();
      return { error };
    }
    return answer;
  }

  #decoded(bytes: Uint8Array): { answer: Answer; fresh: BaseProxy[] } {
    const made = new Map<string, BaseProxy>();
    const tables = tablesOf((said) => {
      const { token: { id, address, typeid } } = said;
      const key = JSON.stringify([id, typeid, address instanceof Uint8Array ? [...address] : address]);
      let proxy = made.get(key);
      if (proxy === undefined) made.set(key, proxy = this.#lineOf(address).#proxyFor(said));
      return proxy;
    });
    const given = ({ typeid, address, id }: Token, names: readonly string[]) => {
      this.#ownAddress = address;
      return this.#own(typeid, id, names);
    };
    return { answer: answerOf(bytes, { tables, given }, this.server), fresh: [...made.values()] };
  }

  /** The line to the server that a token names. */
  #lineOf(address: PythonAddress): PythonServerLine {
    const { address: dialled, authkey } = this.#stock.place;
    if (isSame(address, this.#ownAddress ?? likelyAddress(dialled))) return this;
    if (isSame(dialledAs(address), dialled) || isHere(address, dialled)) {
      this.#ownAddress ??= address;
      return this;
    }
    return PythonServerLine.to(dialledAs(address), authkey);
  }

  // Proxies.

  #known(id: ObjectId): Known {
    if (this.#stock.isOver) throw this.#stock.gone();
    const known = this.objects.get(id);
    if (known !== undefined) return known;
    throw new RemoteError(`The manager's server ${this.server} has no such object: this process has given it up`);
  }

  #noted(typeid: string, ident: string, className: string | null, names: readonly string[] | null): Known {
    const known = this.objects.named(ident);
    if (known !== undefined) return known;
    const type = typeUsedAs({ typeid, className, names }, this.#registrations.get(typeid));
    return this.objects.add({
      ident,
      typeid,
      className: className ?? (type === null ? AUTO : classOfProxies(type)),
      names,
      type,
      translations: translationsOf(type),
    });
  }

  #proxyOf(known: Known, isFrozen = false): BaseProxy {
    const { id, typeid, type, names } = known;
    const given = this.#registrations.get(typeid)?.proxytype ?? null;
    const exposed = (type === null ? null : exposedByBuiltIn(type)) ?? names ?? [];
    const description = { typeid: type ?? typeid, exposed, isFrozen, direct: null };
    const inside = { id, description, line: this, gate: null, handle: null, isClosed: false };
    known.proxies++;
    collected.register(inside, { line: this, id }, inside);
    const Class = type !== null && given !== null && exposedByBuiltIn(type) !== undefined
      ? given
      : proxyClassOf(description, null, given);
    return new Class(inside);
  }

  /** A proxy of an object to which the server has just counted a reference of this client's. */
  #own(typeid: string, ident: string, names: readonly string[], isFrozen = false): BaseProxy {
    const known = this.#noted(typeid, ident, null, names);
    known.shares++;
    return this.#proxyOf(known, isFrozen);
  }

  /** A proxy that a value has in it: a reference is still to be asked for. */
  #proxyFor({ token: { typeid, id }, className, exposed }: SaidProxy): BaseProxy {
    return this.#proxyOf(this.#noted(typeid, id, className, exposed));
  }

  /** The proxy of what `create` has made. */
  #made(typeid: string, said: unknown, isFrozen = false): BaseProxy {
    const [ident, exposed] = Array.isArray(said) ? said : [];
    if (typeof ident !== "string") {
      throw new ProcessError(
        `Cannot read the answer of the manager's server ${this.server}: it does not say what it made`,
      );
    }
    return this.#own(typeid, ident, namesOf(exposed), isFrozen);
  }

  /** Has this client a reference to an object. */
  async share(id: ObjectId): Promise<void> {
    const known = this.#known(id);
    if (known.shares > 0) return;
    known.taking ??= this.#few.run(() => this.ask({ name: Asked.incref, args: [known.ident] }))
      .then(() => this.#shared(known))
      .finally(() => known.taking = null);
    await known.taking;
  }

  /** As {@linkcode share}, blocking the thread. */
  shareSync(id: ObjectId): void {
    const known = this.#known(id);
    if (known.shares > 0) return;
    this.askSync({ name: Asked.incref, args: [known.ident] });
    this.#shared(known);
  }

  /** The server has counted a reference: of one that nobody has connected to, such as another one's proxy names, as well. */
  #shared(known: Known): void {
    known.shares++;
    this.#open();
  }

  release(target: ObjectId, inside: object): void {
    collected.unregister(inside);
    this.giveUp(target);
  }

  /** One proxy less. */
  giveUp(id: ObjectId): void {
    const known = this.objects.get(id);
    if (known === undefined || --known.proxies > 0) return;
    this.objects.delete(known);
    this.#letGo(known);
  }

  /** Gives back what this client has of an object. */
  #letGo(known: Known): void {
    const giving = this.#givingBack(known).catch(() => {}).finally(() => this.#giving.delete(giving));
    this.#giving.add(giving);
  }

  async #givingBack(known: Known): Promise<void> {
    const { holder, depth } = known;
    known.holder = null;
    if (holder !== null) {
      for (let i = 0; i < depth; i++) await this.#plainly(holder, known, "release");
      this.#stock.giveBack(holder);
    }
    await known.taking?.catch(() => {});
    for (; known.shares > 0; known.shares--) await this.#few.run(() => this.#returned(known));
  }

  /** Gives back one reference. At the end nobody waits for a server that does not answer. */
  async #returned({ ident }: Known): Promise<void> {
    if (this.#isSilent) return;
    try {
      await this.ask({ name: Asked.decref, args: [ident] }, { timeout: this.#stock.isOver ? FAREWELL : GREETING });
    } catch (error) {
      this.#isSilent = this.#stock.isOver;
      throw error;
    }
  }

  /** Calls a method by a certain connection, whatever comes of it. */
  async #plainly(wire: Wire, known: Known, method: string, args: readonly unknown[] = []): Promise<void> {
    const bytes = this.#dumped([known.ident, method, tupleOf(args), {}]);
    if (bytes === UNKNOWN_ADDRESS) return;
    const limits = { asked: method, until: Infinity, timeout: Infinity, signal: undefined };
    await this.#answer(wire, bytes, limits).catch(() => {});
  }

  // Calls.

  async call(target: ObjectId, asked: string, args: readonly unknown[], options?: WaitOptions): Promise<unknown> {
    options?.signal?.throwIfAborted();
    const timeout = timeoutOf(options);
    const limits = { asked, timeout, until: performance.now() + timeout, signal: options?.signal };
    try {
      if (target === SERVER_ID) return await own(this, asked, args, options);
      const known = this.#known(target);
      const asking = translated(known.type, known.translations, asked, args);
      return await run(asking, (ask) => this.#perform(known, ask, limits));
    } catch (error) {
      throw error === options?.signal?.reason ? error : atCall(error, asked);
    }
  }

  callSync(target: ObjectId, asked: string, args: readonly unknown[], options?: WaitSyncOptions): unknown {
    const timeout = timeoutOf(options);
    const limits = { asked, timeout, until: performance.now() + timeout, signal: undefined };
    try {
      if (target === SERVER_ID) throw new RemoteError(`Cannot call "${asked}" with the thread blocked`);
      const known = this.#known(target);
      const asking = translated(known.type, known.translations, asked, args);
      return runSync(asking, (ask) => this.#performSync(known, ask, limits));
    } catch (error) {
      throw atCall(error, asked);
    }
  }

  /** Makes an object of a type; a proxy of it. */
  async create(
    typeid: string,
    making: Generator<Ask, ServerCall, unknown>,
    { isFrozen, ...options }: WaitOptions & { isFrozen: boolean },
  ): Promise<BaseProxy> {
    const call = await run(making, (ask) => this.#perform(null, ask, NO_LIMITS)) as ServerCall;
    return this.#made(typeid, await this.ask(call, options), isFrozen);
  }

  /** Whether a type is one of the package's own for who has connected. */
  isBuiltIn(typeid: string): boolean {
    return this.#registrations.get(typeid)?.isBuiltIn === true;
  }

  #targetOf(known: Known | null, { of }: Ask): Known {
    return of === undefined ? known! : (of[insideOf]().line as PythonServerLine).#known(of[insideOf]().id);
  }

  async #perform(known: Known | null, ask: Ask, limits: Limits): Promise<unknown> {
    const target = this.#targetOf(known, ask);
    const { wait } = ask;
    if (wait === undefined) return valueOf(await this.#exchange(target, ask, ask.args, limits));
    const until = performance.now() + wait.timeout;
    for (;;) {
      const slice = sliceOf(wait, until);
      // A condition's wait has the lock again before anything else can be told.
      const within = ask.role === "wait" ? NO_LIMITS : this.#limitsOf(wait, until, limits);
      let answer: Answer;
      try {
        answer = await this.#exchange(target, ask, wait.args(secondsOf(slice)), within);
      } catch (error) {
        if (wait.onGivenUp !== undefined && isGivenUp(error, limits)) {
          void this.#exchange(target, wait.onGivenUp, wait.onGivenUp.args, NO_LIMITS).catch(() => {});
        }
        if ("late" in wait && error instanceof TimeoutError && within !== limits && performance.now() >= until) {
          return wait.late;
        }
        throw error;
      }
      if (wait.isLate === null || !wait.isLate(answer) || performance.now() >= until) return valueOf(answer);
      limits.signal?.throwIfAborted();
      if (performance.now() >= limits.until) throw late(limits.asked, limits.timeout);
    }
  }

  /** The limits of a wait that Python gives no time. */
  #limitsOf(wait: Wait, until: number, limits: Limits): Limits {
    return "late" in wait && until < limits.until ? { ...limits, until, timeout: wait.timeout } : limits;
  }

  #performSync(known: Known | null, ask: Ask, limits: Limits): unknown {
    const target = this.#targetOf(known, ask);
    const { wait } = ask;
    if (wait === undefined) return valueOf(this.#exchangeSync(target, ask, ask.args, limits));
    const until = performance.now() + wait.timeout;
    for (;;) {
      const within = ask.role === "wait" ? NO_LIMITS : this.#limitsOf(wait, until, limits);
      let answer: Answer;
      try {
        answer = this.#exchangeSync(target, ask, wait.args(secondsOf(sliceOf(wait, until))), within);
      } catch (error) {
        if (wait.onGivenUp !== undefined && isGivenUp(error, limits)) {
          void this.#exchange(target, wait.onGivenUp, wait.onGivenUp.args, NO_LIMITS).catch(() => {});
        }
        if ("late" in wait && error instanceof TimeoutError && within !== limits && performance.now() >= until) {
          return wait.late;
        }
        throw error;
      }
      if (wait.isLate === null || !wait.isLate(answer) || performance.now() >= until) return valueOf(answer);
      if (performance.now() >= limits.until) throw late(limits.asked, limits.timeout);
    }
  }

  #callBytes(
    { ident }: Known,
    { method, kwargs = {} }: Ask,
    args: readonly unknown[],
  ): Uint8Array | typeof UNKNOWN_ADDRESS {
    return this.#dumped([ident, method, tupleOf(args), kwargs]);
  }

  /** Asks an object once, or as often as the ask says; the answer. */
  async #exchange(known: Known, ask: Ask, args: readonly unknown[], limits: Limits): Promise<Answer> {
    let bytes = this.#callBytes(known, ask, args);
    if (bytes === UNKNOWN_ADDRESS) {
      await this.#learnAddress();
      bytes = this.#callBytes(known, ask, args);
    }
    const isQuick = ask.wait === undefined && ask.isSlow !== true && ask.role !== "acquire" && ask.role !== "wait";
    const chosen = wireOf(known, ask) ?? (isQuick ? this.#stock.quick() : this.#stock.lease());
    const wire = chosen instanceof Wire
      ? chosen
      : await within(limits, chosen, (unused) => this.#stock.giveBack(unused));
    return await this.#sent(known, ask, bytes as Uint8Array, wire, limits);
  }

  async #sent(known: Known, ask: Ask, bytes: Uint8Array, wire: Wire, limits: Limits): Promise<Answer> {
    const note = noteSent(known, ask, wire);
    const end = (answer: Answer) => {
      if (note("value" in answer ? answer.value : undefined, "error" in answer)) this.#stock.giveBack(wire);
    };
    const { times = 1, wait } = ask;
    const undo = (answer: Answer) => void this.#undo(known, ask, wait, wire, answer);
    const answers: Promise<Answer>[] = [];
    for (let i = 0; i < times; i++) answers.push(this.#answer(wire, bytes, limits, i === times - 1 ? undo : undefined));
    try {
      const all = await Promise.all(answers);
      const answer = ask.times === undefined ? all[0] : { value: all };
      end(answer);
      return answer;
    } catch (error) {
      if (wire.isOver) end({ error });
      throw error; // the connection is busy until the answer comes, and is given back then
    }
  }

  /** The answer has come to a call that was given up. */
  async #undo(known: Known, ask: Ask, wait: Wait | undefined, wire: Wire, answer: Answer): Promise<void> {
    if (wait?.undo !== undefined && "value" in answer) {
      for (const { method, args } of wait.undo(answer.value)) await this.#plainly(wire, known, method, args);
    }
    if (ask.role === undefined || known.holder !== wire) this.#stock.giveBack(wire);
  }

  #exchangeSync(known: Known, ask: Ask, args: readonly unknown[], limits: Limits): Answer {
    const bytes = this.#knowingSync(() => this.#callBytes(known, ask, args));
    if (this.#stock.isOver) throw this.#stock.gone();
    const isQuick = ask.wait === undefined && ask.isSlow !== true && ask.role !== "acquire" && ask.role !== "wait";
    const wire = wireOf(known, ask) ?? (isQuick ? this.#stock.quickSync(limits) : this.#stock.leaseSync(limits));
    const note = noteSent(known, ask, wire);
    const end = (answer: Answer) => {
      if (note("value" in answer ? answer.value : undefined, "error" in answer)) this.#stock.giveBack(wire);
    };
    const { times, wait } = ask;
    try {
      const undo = (answer: Answer) => void this.#undo(known, ask, wait, wire, answer);
      const answers = [];
      for (let i = 0; i < (times ?? 1); i++) answers.push(this.#answerSync(wire, bytes, limits, undo));
      const answer = times === undefined ? answers[0] : { value: answers };
      end(answer);
      return answer;
    } catch (error) {
      if (wire.isOver) end({ error });
      throw error;
    }
  }
}

function shareOf(proxy: BaseProxy): Promise<void> {
  const { line, id } = proxy[insideOf]();
  return (line as PythonServerLine).share(id);
}

function shareOfSync(proxy: BaseProxy): void {
  const { line, id } = proxy[insideOf]();
  (line as PythonServerLine).shareSync(id);
}

/** How long the next part of a wait lasts. */
function sliceOf({ isLate }: Wait, until: number): number {
  const left = Math.max(0, until - performance.now());
  return isLate === null ? left : Math.min(left, SLICE);
}

/** Whether an error is that of an answer which no server of Python's gives. */
function isPlain(error: unknown): boolean {
  return error instanceof ProcessError && Object.getPrototypeOf(error) === ProcessError.prototype &&
    !(error instanceof AuthenticationError);
}
