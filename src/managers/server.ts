// A manager's server: it waits at its bell, and does what its clients ask for, one request after the other.
//
// While calls come, the thread is blocked in the kernel for the next ring, which takes a third of the time that a promise
// takes to be told; every now and then the event loop has its turn. While a call is under way that needs the event loop,
// or when no call has come for a while, the server waits in a promise.

import { native } from "../addon/load.ts";
import type { Address } from "../connection/address.ts";
import { RemoteError } from "../errors.ts";
import { pack } from "../pool/failures.ts";
import { Channel, ENDED } from "../queues/channel.ts";
import type { Frame } from "../queues/frame.ts";
import { current } from "../runtime/current.ts";
import { shownName } from "../runtime/harmless.ts";
import { isThenable } from "../runtime/thenable.ts";
import { clearTimeout, performance, setTimeout, unrefTimer } from "../runtime/timing.ts";
import { needsEventLoop } from "./event_loop.ts";
import { Gate, randomNumber } from "./gate.ts";
import { type Hello, Kind, NO_TASK, type Request, SERVER_ID } from "./messages.ts";
import { ObjectTable } from "./object_table.ts";
import type { Caller, ServedType } from "./objects.ts";
import { noteServer } from "./proxy_form.ts";
import type { PythonHost, PythonServers, PythonServing } from "./python_form.ts";
import { Segments } from "./segments.ts";
import { ServerClient } from "./server_client.ts";
import { ServerListener } from "./server_listener.ts";
import { ServerObject } from "./server_object.ts";

/** Milliseconds for which the thread is blocked before the event loop has a turn. */
const SLICE = 10;
/** The same, while one call follows the other: each turn costs them all. */
const BUSY_SLICE = 50;
/** Milliseconds for which it is blocked for strangers before the bell is looked at. */
const STRANGERS_SLICE = 2;
/** Milliseconds without a call after which the server waits in a promise. */
const COLD = 1000;
/** Milliseconds between two looks at which objects are still wanted, and which clients live. */
const SWEEP = 1000;
/** A look may take this part of the server's time. */
const SWEEP_SHARE = 50;

/** In the place of a frame that is none. */
const MALFORMED = Symbol("malformed");

/** What a server is made with. */
export interface ServerOptions {
  readonly types: ReadonlyMap<string, ServedType>;
  /** Of relatives: a {@linkcode Channel.kept} that nobody keeps yet. Default: a new one. */
  readonly bell?: Channel;
  /** Default: one at random. */
  readonly number?: number;
  /** What a relative says that may create objects and end the server. Default: none may. */
  readonly authority?: number;
  /** Milliseconds for which the thread may be blocked while calls come. Default: that of one where nothing else goes on. */
  readonly slice?: number;
  /** What serves Python's clients; default: they are not let in. */
  readonly python?: PythonServers | null;
}

/** Serves the objects of a manager, in this thread. */
export class Server {
  readonly gate: Gate;
  readonly objects: ObjectTable;
  readonly segments = new Segments();
  readonly #clients = new Map<number, ServerClient>();
  readonly #self: ServerObject;
  readonly #types: ReadonlyMap<string, ServedType>;
  #lastClient = 0;
  /** Calls that go on in promises, and whatever else needs the event loop. */
  #underWay = 0;
  #calls = 0;
  #isServing = false;
  #isStopping = false;
  #lastCall = performance.now();
  #sweeper: ReturnType<typeof setTimeout> | undefined;
  readonly #stopped = new AbortController();
  /** While the server waits in a promise. */
  #resting: AbortController | null = null;
  readonly #forget: () => void;
  readonly #begun = performance.now();
  readonly #authority: number;
  readonly #slice: number;
  /** Where clients outside of the tree come in, once somebody wants that. */
  #listener: ServerListener | null = null;
  readonly #python: PythonServing | null;

  constructor(options: ServerOptions) {
    const { types, bell = Channel.kept(), number = randomNumber(), authority = randomNumber(), slice = SLICE, python } =
      options;
    this.#authority = authority;
    this.#slice = slice;
    const facts = { pid: Deno.pid, name: current.name, token: native().threadToken() };
    // Before anybody else has it: clients may only ring it.
    this.gate = new Gate(number, bell.own().keep(), facts);
    this.#types = types;
    this.objects = new ObjectTable(this.gate, types);
    this.#self = new ServerObject(this);
    this.#python = python?.(this.#pythonHost()) ?? null;
    this.#forget = noteServer(number, (id, handle) => this.objects.proxyOf(this.objects.get(id), handle));
  }

  /** How many relatives are its clients. */
  get clients(): number {
    return this.#clients.size;
  }

  /** How many clients outside of the tree it has. */
  get strangers(): number {
    return this.#listener?.size ?? 0;
  }

  /**
   * Lets clients outside of the tree in, if it does not do so yet; where.
   *
   * @throws {RangeError} If they need no key, and the address is not only of this machine.
   * @throws What the system says against the address, as of a `Listener`.
   */
  listen(address: Address | null, authkey: Uint8Array | null): Address {
    const served = { table: this.objects, events: this.#events, python: this.#python };
    this.#listener ??= new ServerListener(address, authkey, served);
    if (this.#isServing) this.#listener.begin();
    return this.#listener.address;
  }

  #pythonHost(): PythonHost {
    // deno-lint-ignore no-this-alias -- the getter of another object
    const server = this;
    return {
      request: (caller, request) => this.request(caller, request),
      called: () => void this.#calls++,
      begun: () => this.hold(),
      ended: () => this.release(),
      table: this.objects,
      get address() {
        return server.#listener!.address;
      },
      sweep: () => this.sweep(),
      stop: () => this.stop(),
    };
  }

  /** How many calls it has had. */
  get calls(): number {
    return this.#calls;
  }

  /** Milliseconds since it began. */
  get uptime(): number {
    return performance.now() - this.#begun;
  }

  /** Aborted when the server stops. */
  get stopped(): AbortSignal {
    return this.#stopped.signal;
  }

  /** Something is under way that needs the event loop, such as connections of strangers: until {@linkcode release}. */
  hold(): void {
    this.#underWay++;
  }

  /** Undoes one {@linkcode hold}. */
  release(): void {
    this.#underWay--;
  }

  /** Serves until {@linkcode stop}. */
  async serve(): Promise<void> {
    this.#isServing = true;
    this.#listener?.begin();
    const { bell } = this.gate;
    const slice = this.#slice;
    const busySlice = Math.max(slice, BUSY_SLICE * slice / SLICE);
    let turned = performance.now();
    while (!this.#isStopping) {
      const mayBlock = this.#underWay === 0 && !needsEventLoop();
      const isHot = mayBlock && performance.now() - this.#lastCall < COLD;
      const hasHotStrangers = mayBlock && this.#listener !== null && this.#listener.isHot;
      const isExpecting = mayBlock && this.#listener !== null && this.#listener.isExpecting;
      const frame = this.#next(isHot && !hasHotStrangers && !isExpecting ? slice : 0);
      if (frame === ENDED) break;
      if (frame !== null && frame !== MALFORMED) this.#attend(frame);
      else if (frame === null && hasHotStrangers && !isHot && !isExpecting) {
        this.#listener!.serveNow(Math.min(STRANGERS_SLICE, slice), this.#mayGoOn);
      } // One thread can be blocked for relatives or for strangers, but not for both, and for nobody who just comes in.
      else if (frame === null && (!isHot || hasHotStrangers || isExpecting)) await this.#rest();
      if (performance.now() - turned < (frame === null ? slice : busySlice)) continue;
      await bell.turn();
      turned = performance.now();
    }
    this.close();
  }

  /** What comes by the bell. Anybody who has a proxy may write anything there. */
  #next(timeout: number): Frame | null | typeof ENDED | typeof MALFORMED {
    try {
      return this.gate.bell.receive(timeout);
    } catch {
      return MALFORMED; // it was taken, and is no frame
    }
  }

  readonly #mayGoOn = () => this.#underWay === 0 && !this.#isStopping;

  /** Waits in a promise for the next ring, or until a stranger has spoken whom the thread may be blocked for. */
  async #rest(): Promise<void> {
    const { signal } = this.#resting = new AbortController();
    await this.gate.bell.filled({ inBackground: false, signal }).catch(() => {});
    this.#resting = null;
  }

  /** A stranger has spoken while the thread was not blocked. */
  #heard(): void {
    if (this.#underWay === 0 && performance.now() - this.#lastCall >= COLD) this.#resting?.abort();
  }

  /** Tells the clients that have come so far that the server cannot begin, and why. */
  refuse(error: unknown): void {
    for (;;) {
      const frame = this.#next(0);
      if (frame === null || frame === ENDED) return;
      if (frame === MALFORMED) continue;
      if (frame.kind !== Kind.hello) {
        frame.drop();
        continue;
      }
      const [, answers] = frame.read();
      if (answers instanceof Channel) answers.send({ ...NO_TASK, kind: Kind.error }, pack(error));
    }
  }

  #attend(frame: Frame): void {
    if (frame.kind === Kind.ring) {
      frame.drop();
      this.#clients.get(frame.task)?.serve();
    } else if (frame.kind === Kind.hello) this.#welcome(frame);
    else frame.drop();
  }

  #welcome(frame: Frame): void {
    let hello: unknown[];
    try {
      hello = frame.read();
    } catch {
      return; // no client of ours says that
    }
    const [requests, answers, name, authority] = hello as Hello;
    if (!(requests instanceof Channel) || !(answers instanceof Channel) || typeof name !== "string") return;
    if (!this.#areNew(requests, answers)) return; // closed with the client, it would end somebody else
    const number = ++this.#lastClient;
    const isConfined = authority !== this.#authority;
    const client = new ServerClient(this.#events, requests, answers, {
      name: shownName(name),
      isConfined,
      gate: this.gate,
    });
    this.#clients.set(number, client);
    const { pid, name: own, token } = this.gate.facts;
    client.welcome(number, [pid, own, token]);
    this.sweepSoon();
  }

  /** Whether two channels are used for nothing else here; a bell may be that of another server in this process. */
  #areNew(requests: Channel, answers: Channel): boolean {
    if (requests.isSame(answers) || requests.isKept || answers.isKept) return false;
    for (const client of this.#clients.values()) if (client.uses(requests) || client.uses(answers)) return false;
    return true;
  }

  readonly #events = {
    request: (caller: Caller, request: Request) => this.#plain(this.request(caller, request)),
    released: (target: number) => this.objects.look(target),
    begun: () => this.hold(),
    ended: () => this.release(),
    heard: () => this.#heard(),
  };

  /** A result as clients of this package get it. */
  #plain(result: unknown): unknown {
    const python = this.#python;
    if (python === null) return result;
    if (isThenable(result)) return Promise.resolve(result).then((value) => python.forClients(value));
    return python.forClients(result);
  }

  #requireMayCreate({ isRelative }: Caller, typeid: unknown): void {
    if (isRelative || this.#types.get(typeid as string)?.isForRelatives !== true) return;
    throw new RemoteError(`Cannot create a "${typeid}" from another program: it would run any function that is named`);
  }

  /** Does what a client asks for. */
  request(caller: Caller, [target, asked, ...args]: Request): unknown {
    this.#calls++;
    if (caller.isRelative) this.#lastCall = performance.now();
    if (target === SERVER_ID) {
      if (asked === "create") this.#requireMayCreate(caller, args[0]);
      if (caller.isConfined !== true) return this.#self.act(asked, args, caller);
      throw new RemoteError(
        `Cannot call "${asked}" of a manager's server: only the manager itself may, not its proxies`,
      );
    }
    return this.objects.invoke(caller, target, asked, args);
  }

  /** Looks, in a while and then again, which objects are still wanted and which clients live. */
  sweepSoon(after: number = SWEEP): void {
    if (this.#sweeper !== undefined) return;
    this.#sweeper = setTimeout(() => {
      this.#sweeper = undefined;
      const begin = performance.now();
      this.sweep();
      const time = performance.now() - begin;
      if (this.#clients.size + this.objects.size > 0) this.sweepSoon(Math.max(SWEEP, time * SWEEP_SHARE));
    }, after);
    unrefTimer(this.#sweeper);
  }

  /** Lets go of clients that have ended, and of objects that nobody wants any more. */
  sweep(): void {
    for (const [number, client] of this.#clients) {
      if (!client.isGone) continue;
      this.#clients.delete(number);
      client.close();
    }
    this.#python?.sweep();
    this.objects.sweep();
  }

  /** Ends {@linkcode serve}, after the answer to the current request. */
  stop(): void {
    this.#isStopping = true;
    this.#stopped.abort();
    this.#resting?.abort();
  }

  /** Lets go of everything. */
  close(): void {
    this.stop();
    clearTimeout(this.#sweeper);
    this.#listener?.close();
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
    this.#python?.close();
    this.objects.close();
    this.segments.close();
    this.#forget();
    this.gate.bell.close();
  }
}
