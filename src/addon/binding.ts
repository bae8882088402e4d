// The addon: found, loaded, checked and typed. Nothing else in the package knows that it exists as a file.
//
// It is loaded at the first use, not at import: importing the package needs no permission.

import { PACKAGE_FOLDER } from "../runtime/own_modules.ts";
import { requireSameCopy, URL_OF_COPY } from "../runtime/copies.ts";
import { current } from "../runtime/current.ts";
import { InvalidStateError, ProcessError } from "../errors.ts";
import { nodeProcess } from "../runtime/node.ts";
import { pathOfUrl } from "../runtime/file_urls.ts";
import { numberWorkers, watchWorkers } from "./terminated.ts";

/** The version of the functions below; `native/addon/src/lib.rs` has the same. */
const ABI = 1;

const MINIMUM_DENO = "2.9.5";

/** Where things are in shared memory. See `Layout` in native/addon/src/memory.rs. */
export interface Layout {
  readonly windowSize: number;
  readonly cellSize: number;
  readonly free: number;
  readonly waiters: number;
  readonly lockWord: number;
  readonly depthWord: number;
  readonly valueOffset: number;
  readonly valueSize: number;
  readonly semaphoreWord: number;
  readonly semaphoreMaxWord: number;
  readonly semaphoreMask: number;
  readonly eventWord: number;
  readonly eventSet: number;
  readonly eventWaiters: number;
  readonly eventCount: number;
}

/** The thread behind the token of a lock word. */
export interface Owner {
  readonly pid: number;
  readonly threadId: number;
  readonly processName: string;
  readonly isThisProcess: boolean;
  readonly livesOn: boolean;
  readonly exitCode?: number | null;
}

/** What a child learns when it joins its parent's tree. */
export interface Joined {
  /** `null` if there is nothing to do yet: see `awaitWork`. */
  readonly preparation: number | null;
  readonly daemon: boolean;
  readonly parentPid: number;
  readonly parentName: string;
}

/** Where an output of a child goes. */
export type OutputKind = "inherit" | "null" | "piped";

/** What to start as a child. */
export interface StartOptions {
  readonly name: string;
  readonly path: string;
  readonly arguments: readonly string[];
  readonly environment?: readonly (readonly [string, string])[];
  readonly directory?: string;
  readonly daemon: boolean;
  /** How many bytes of shared memory a child with limited permissions and its descendants may use. */
  readonly maxSharedMemory?: number;
  /** None if the process is to wait for its work. */
  readonly preparation?: number;
  readonly stdout: OutputKind;
  readonly stderr: OutputKind;
}

/** What the whole process tree uses of its shared memory. */
export interface MemoryUsage {
  /** Shared objects that exist. */
  readonly blocks: number;
  /** The bytes they have. */
  readonly bytes: number;
  /** The bytes that are in memory. */
  readonly resident: number;
}

/** The name of a socket: a host and its port; or a path, or an abstract name behind a NUL, without port. */
export interface SocketName {
  readonly name: string;
  readonly port?: number | null;
}

/** A connection that has come in, and where it comes from. */
export interface Accepted {
  readonly connection: number;
  readonly peer: SocketName;
}

/** A search for what an address leads to, and whether there is something to wait for. */
export interface Sought {
  readonly search: number;
  readonly isUnderWay: boolean;
}

/** A connection that was made, or else a dial that is under way. */
export interface Begun {
  readonly connection?: number | null;
  readonly dial?: number | null;
}

/** The functions of the addon; each is documented where it is defined, in native/addon/src. */
export interface Native {
  abi(): number;
  // tree.rs
  joinTree(name: string): void;
  joinParent(): Joined;
  awaitWork(): Joined;
  changeDirectory(path: string): void;
  parentDescriptor(): number;
  parentIsAlive(): boolean;
  parentJoin(timeout: number): boolean;
  parentAwait(): number;
  threadToken(): number;
  ownerOf(token: number): Owner | null;
  setProcessName(name: string): void;
  processArguments(): string[];
  executable(): string;
  workingDirectory(): string;
  reportFailure(message: string): void;
  availableCpus(): number;
  runtimeIsBusy(threads: number, pipes: number): boolean;
  threadId(): number;
  // notes.rs
  note(name: string, bytes: Uint8Array): void;
  agree(name: string, proposal: Uint8Array): Uint8Array;
  noted(name: string): Uint8Array | null;
  // memory.rs
  layout(): Layout;
  window(index: number): ArrayBuffer;
  createBlock(kind: number, size: number): number;
  adoptBlock(block: number, generation: number): void;
  releaseBlock(block: number): void;
  collectBlock(block: number): void;
  generationOf(block: number): number;
  cellOf(block: number, kind: number): number;
  valueBegins(block: number): number;
  sizeOf(block: number): number;
  valueBytes(block: number): ArrayBuffer;
  isCaged(): boolean;
  mostProcesses(): number;
  treeHasCage(): boolean;
  mayLoad(url: string): boolean;
  mayLoadOthers(addon: string): boolean;
  memoryUsage(): MemoryUsage;
  // views.rs
  viewCreate(size: number): SharedArrayBuffer;
  viewMade(): [block: number, generation: number];
  viewOpen(block: number): SharedArrayBuffer;
  viewFind(buffer: SharedArrayBuffer, view: Uint8Array): [block: number, generation: number] | null;
  viewClose(view: Uint8Array): void;
  viewLookAgain(): void;
  collectGarbage(): void;
  // port.rs
  openPort(ring: () => void): void;
  keepAlive(on: boolean): void;
  takeOutcomes(): number[];
  cancel(ticket: number): void;
  hasten(ticket: number): number;
  // locks.rs
  lockAcquire(block: number, timeout: number): number;
  lockAcquireAsync(block: number, timeout: number): number;
  lockRelease(block: number): number;
  lockGiveBack(block: number, outcome: number): number;
  lockWake(block: number): number;
  lockOwner(block: number): number;
  lockDepth(block: number): number;
  // primitives.rs
  semaphoreCreate(value: number, max: number): number;
  semaphoreAcquire(semaphore: number, timeout: number): number;
  semaphoreAcquireAsync(semaphore: number, timeout: number): number;
  semaphoreGiveBack(block: number): number;
  semaphoreWake(semaphore: number, n: number): number;
  semaphoreRelease(semaphore: number, n: number): number;
  semaphoreValue(semaphore: number): number;
  semaphoreBound(semaphore: number): number;
  eventCreate(): number;
  eventWait(event: number, timeout: number): number;
  eventAwait(event: number, timeout: number): number;
  eventWake(event: number): number;
  eventSet(event: number): number;
  eventClear(event: number): number;
  eventIsSet(event: number): number;
  conditionCreate(lock: number): number;
  conditionWait(condition: number, timeout: number): number;
  conditionAwait(condition: number, timeout: number): number;
  conditionNotify(condition: number, n: number): number;
  conditionWaiters(condition: number): number;
  barrierCreate(parties: number): number;
  barrierWait(barrier: number, hasAction: number, timeout: number): number;
  barrierAwait(barrier: number, hasAction: number, timeout: number): number;
  barrierRelease(barrier: number, slot: number): number;
  barrierAbort(barrier: number, slot: number): number;
  barrierReset(barrier: number): number;
  barrierParties(barrier: number): number;
  barrierWaiting(barrier: number): number;
  barrierIsBroken(barrier: number): number;
  barrierCulprit(barrier: number): number;
  // queues.rs
  openScratch(): ArrayBuffer;
  queueCreate(maxsize: number, joinable: boolean): number;
  queuePut(queue: number, length: number, timeout: number): number;
  queuePutBytes(queue: number, tag: number, bytes: Uint8Array, attachments: number[], timeout: number): number;
  queueGet(queue: number, timeout: number, lonely: number): number;
  queueGetInto(queue: number, target: Uint8Array): number;
  queuePutSplit(queue: number, head: Uint8Array, bytes: Uint8Array, attachments: number[], timeout: number): number;
  queueGetSplit(queue: number, head: Uint8Array, rest: Uint8Array): number;
  takenAttachments(): number[];
  unpin(attachments: number[]): void;
  queueAwait(queue: number, state: number, timeout: number, watch: number, isIdle: boolean): number;
  queueCompany(queue: number): number;
  queueNotePutting(queue: number): number;
  queueSize(queue: number): number;
  queueMaxsize(queue: number): number;
  queueTaken(queue: number): number;
  queueTaskDone(queue: number): number;
  queueUnfinished(queue: number): number;
  queueJoin(queue: number, timeout: number): number;
  queueAbandoned(queue: number): { readonly taker: number; readonly messages: number } | null;
  queueShutDown(queue: number, immediate: boolean): void;
  queueMarkShared(queue: number): void;
  // connections.rs
  connectionPair(duplex: boolean): [number, number];
  connectionOffer(connection: number): number;
  connectionWithdrawOffers(attachments: number[]): void;
  connectionAbandonOffers(pairs: number[]): void;
  fetchBegin(block: number): number;
  fetchStep(fetch: number, timeout: number): number;
  fetchAwait(fetch: number): number;
  fetchSender(fetch: number): string;
  fetchClose(fetch: number): void;
  pipePin(pipe: number, attachments: number[]): number[];
  pipeUnpin(pipe: number, holds: number[]): void;
  connectionClose(connection: number): number;
  connectionFileno(connection: number): number;
  connectionSend(connection: number, length: number, wait: number): number;
  connectionSendBytes(connection: number, bytes: Uint8Array, wait: boolean): number;
  connectionAwaitSent(connection: number): number;
  connectionFlush(connection: number): number;
  connectionWithdraw(connection: number): number;
  connectionReceive(connection: number, limit: number, patience: number): number;
  connectionReceiveInto(connection: number, target: Uint8Array): void;
  connectionAwaitReceived(connection: number, limit: number): number;
  connectionPoll(connection: number, timeout: number): number;
  connectionHasBegun(connection: number): number;
  descriptorsPoll(descriptors: number[], timeout: number): number[];
  descriptorsAwait(descriptors: number[]): number;
  // sockets.rs
  seekInet(host: string, port: number, version: number): Sought;
  seekUnix(name: string): Sought;
  searchFileno(search: number): number;
  searchFinish(search: number, timeout: number): SocketName[] | null;
  searchClose(search: number): void;
  listen(search: number, backlog: number, ownsFolder: boolean): number;
  listenerAddress(listener: number): SocketName;
  listenerFileno(listener: number): number;
  listenerAccept(listener: number, timeout: number): Accepted | null;
  listenerClose(listener: number): void;
  dial(search: number): Begun;
  dialFileno(dial: number): number;
  dialFinish(dial: number, timeout: number): number | null;
  dialClose(dial: number): void;
  // children.rs
  startChild(options: StartOptions): number;
  createPreparation(bytes: Uint8Array, attachments: number[]): number;
  readPreparation(block: number): Uint8Array;
  childOutput(pid: number, number: number): number | null;
  childFailure(pid: number): string | null;
  childHadBegun(pid: number): boolean;
  noteBegun(): void;
  childExitCode(pid: number): number | null;
  childJoin(pid: number, timeout: number): boolean;
  childPutting(pid: number): number;
  childDescriptor(pid: number): number;
  childAwait(pid: number): number;
  childSignal(pid: number, signal: number): void;
  childClose(pid: number): void;
  // outputs.rs
  outputRead(output: number): Uint8Array<ArrayBuffer> | null;
  outputWait(output: number): number;
  outputIsFull(output: number): number;
  outputClose(output: number): void;
  // isolate.rs
  workers(): number[];
  workerMade(number: number): void;
  workerEnds(number: number): void;
  // warm.rs
  warmUp(options: StartOptions, command: string, count: number): void;
  giveWork(command: string, name: string, daemon: boolean, preparation: number): number | null;
  warmProcesses(): number[];
  coolDown(): void;
  directoryToBeginIn(path?: string): string;
}

let loaded: Native | undefined;
let loadedFrom = "";

watchWorkers(() => loaded);

/**
 * The command line as this module found it. Setting `process.title` overwrites it, perhaps before the addon is loaded.
 * Only with all permissions may a program read it without the addon.
 */
const foundArguments = readArguments();
let knownArguments: readonly string[] | undefined;

/**
 * The command line of this process.
 *
 * @throws {InvalidStateError} If it has been overwritten before it could be read.
 */
export function commandLine(): readonly string[] {
  native();
  if (knownArguments === undefined) {
    throw new InvalidStateError(
      'Cannot start a process: the command line of this one was overwritten, as `process.title = "…"` does, before ' +
        "multiprocessing was first used; set the title later, or run Deno with -A",
    );
  }
  return knownArguments;
}

function readArguments(): readonly string[] | undefined {
  const names = ["read", "write", "net", "env", "sys", "run", "ffi"] as const;
  if (Deno.build.os !== "linux" || names.some((name) => Deno.permissions.querySync({ name }).state !== "granted")) {
    return;
  }
  try {
    return Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(0, -1);
  } catch {
    return; // denied in part
  }
}

/** A title is followed by NULs up to the end of what it overwrites; or it fills that, and is a single word. */
function isWhole(words: readonly string[]): boolean {
  const own = Deno.args; // a Worker has them, too
  return words.length > own.length && own.every((word, k) => words[words.length - own.length + k] === word) &&
    words.slice(0, words.length - own.length).every((word) => word !== "") &&
    (words.length > 1 || Deno.build.standalone || words[0].endsWith("deno"));
}

/** Whether a process of this tree was ever started with limited permissions: then messages may be hostile. */
export function treeHasCage(): boolean {
  return loaded?.treeHasCage() ?? false;
}

/** The file that the addon was loaded from, and the variable that named it, if one did. */
export function addonFile(): { path: string; variable?: string } {
  native();
  return explicitPath() === undefined ? { path: loadedFrom } : { path: loadedFrom, variable: ADDON_VARIABLE };
}

/** The file that the addon was loaded from; empty before that. */
export function nativePath(): string {
  return loadedFrom;
}

/** The addon, as a member of a process tree: of a new one, unless this process was started as a child. */
export function native(): Native {
  return loaded ??= join(load());
}

/**
 * The functions that may block the thread for long, and which of their arguments says for how long: milliseconds, or
 * whether at all. Of puts it is tried first whether they have to.
 */
const BLOCKING = {
  lockAcquire: 1,
  semaphoreAcquire: 1,
  eventWait: 1,
  conditionWait: 1,
  barrierWait: 2,
  queuePut: 2,
  queuePutBytes: 4,
  queueGet: 1,
  queueJoin: 1,
  connectionSend: 2,
  connectionSendBytes: 2,
  connectionReceive: 2,
  connectionPoll: 1,
  descriptorsPoll: 1,
  searchFinish: 1,
  listenerAccept: 1,
  dialFinish: 1,
  childJoin: 1,
  parentJoin: 1,
} as const satisfies Partial<Record<keyof Native, number>>;

const PUTS: readonly string[] = ["queuePut", "queuePutBytes"];
/** Those that seldom have to, and cannot be tried. */
const SENDS: readonly string[] = ["connectionSend", "connectionSendBytes"];

/** Status of a put into a full queue (`PUT_FULL` in native/addon/src/queues.rs). */
const FULL = 1;

/** Waits that are no longer than this, in milliseconds, block nobody to speak of. */
const SHORT_WAIT = 50;

/** The functions themselves, while others are in their places. */
let unguarded: Partial<Record<keyof Native, unknown>> | null = null;

/**
 * Has `act` called before the thread is blocked, until it is set to `null`: that costs nothing while there is none. The
 * functions are replaced in the addon's own object, since some keep that.
 */
export function beforeBlocking(act: (() => void) | null): void {
  const addon = native() as unknown as Record<string, unknown>;
  if (unguarded !== null) Object.assign(addon, unguarded);
  unguarded = null;
  if (act === null) return;
  unguarded = {};
  for (const [name, place] of Object.entries(BLOCKING)) {
    const block = addon[name] as (...args: unknown[]) => unknown;
    unguarded[name as keyof typeof BLOCKING] = block;
    addon[name] = (...args: unknown[]) => {
      const patience = args[place] as number;
      if (SENDS.includes(name)) {
        if (patience) attempt(act);
        return block(...args);
      }
      if (patience <= SHORT_WAIT) return block(...args);
      if (PUTS.includes(name)) {
        const status = block(...args.with(place, 0));
        if (status !== FULL) return status;
      }
      act();
      return block(...args);
    };
  }
}

function attempt(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof InvalidStateError)) throw error;
  }
}

/** The addon in a child, whose tree is its parent's. Call it before anything else can call {@linkcode native}. */
export function nativeOfChild(): { native: Native; joined: Joined } {
  const addon = load();
  const joined = addon.joinParent(); // from here on the addon knows for certain whether it is in a cage
  if (addon.isCaged()) giveUpLibraries(addon);
  else numberWorkers(addon);
  requireOneCopy(addon);
  keepArguments(addon);
  loaded = addon;
  return { native: addon, joined };
}

function keepArguments(addon: Native): void {
  knownArguments = [addon.processArguments(), foundArguments ?? []].find(isWhole);
}

/**
 * Gives up the permission that was there to load the addon with; it cannot come back. By way of the addon, or a raw
 * pointer, a program could call anything that the system's own libraries have.
 */
function giveUpLibraries(addon: Native): void {
  if (!addon.mayLoadOthers(loadedFrom)) {
    Deno.permissions.revokeSync({ name: "ffi" });
    const left = [{ name: "ffi" }, { name: "ffi", path: loadedFrom }] as const;
    for (const descriptor of left) {
      const { state } = Deno.permissions.querySync(descriptor);
      if (state === "granted") {
        throw new ProcessError(
          `Cannot limit the permissions of this process: "ffi" is "${state}" after it was revoked, wanted "prompt" or "denied"`,
        );
      }
    }
  } else {
    // Other libraries were granted by the parent, which need no cage to be gone: only what was not granted goes.
    Deno.permissions.revokeSync({ name: "ffi", path: loadedFrom });
  }
}

/** The threads of a process have their own JavaScript, but the same native part. */
function requireOneCopy(addon: Native): void {
  requireSameCopy(new TextDecoder().decode(addon.agree("url", new TextEncoder().encode(URL_OF_COPY))));
}

function join(addon: Native): Native {
  requireOneCopy(addon);
  translated(() => addon.joinTree("MainProcess"));
  keepArguments(addon);
  if (isWorker()) recallSelf(addon);
  numberWorkers(addon);
  return addon;
}

/** In a Worker: learns who the process is, which its main thread has noted. */
function recallSelf(addon: Native): void {
  const facts = addon.noted(SELF);
  if (facts !== null) Object.assign(current, JSON.parse(new TextDecoder().decode(facts)));
}

const SELF = "self";

/** Tells the Workers of this process who it is; those that have asked already do not ask again. */
export function shareSelf(): void {
  const { name, identity, daemon, parent, initialDirectory } = current;
  const facts = JSON.stringify({ name, identity, daemon, parent, initialDirectory });
  native().note(SELF, new TextEncoder().encode(facts));
}

/**
 * Runs a function of the addon, and throws what it throws as the error class that users know.
 */
export function translated<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw translate(error);
  }
}

/** The error class for the `code` of an error of the addon; anything else unchanged. */
export function translate(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message: string };
  if (!(error instanceof Error) || typeof code !== "string") return error;
  const options = { cause: error };
  if (code.startsWith("OS:")) {
    const ErrorClass = OS_ERRORS[Number(code.slice(3))];
    return ErrorClass === undefined ? new Error(message, options) : new ErrorClass(message, options);
  }
  switch (code) {
    case "EXHAUSTED":
      return new RangeError(message, options);
    case "NO_SUCH_OBJECT":
    case "STATE":
      return new InvalidStateError(message, options);
    case "NOT_CAPABLE":
      return new Deno.errors.NotCapable(message, options);
    case "UNSUPPORTED":
      return new Deno.errors.NotSupported(message, options);
    case "CORRUPTED":
      return new ProcessError(message, options);
    case "NO_SUCH_HOST":
      return new Deno.errors.NotFound(message, options);
    case "SENDER_GONE":
      return new Deno.errors.ConnectionRefused(message, options);
    case "TIMED_OUT":
      return new Deno.errors.TimedOut(message, options);
    case "CUT_OFF":
      return new Deno.errors.UnexpectedEof(message, options);
    case "BAD_LENGTH":
      return new Deno.errors.InvalidData(message, options);
    default:
      return error;
  }
}

/** `errno(3)` numbers of Linux. */
const OS_ERRORS: Readonly<Record<number, new (message: string, options?: ErrorOptions) => Error>> = {
  1: Deno.errors.PermissionDenied, // EPERM
  2: Deno.errors.NotFound, // ENOENT
  7: RangeError, // E2BIG: arguments or environment too long
  9: Deno.errors.BadResource, // EBADF: no such descriptor, or not for this direction
  8: Deno.errors.InvalidData, // ENOEXEC: no program
  11: Deno.errors.WouldBlock, // EAGAIN: no more processes or threads
  13: Deno.errors.PermissionDenied, // EACCES
  20: Deno.errors.NotADirectory, // ENOTDIR
  22: RangeError, // EINVAL: a NUL byte in a name or path
  32: Deno.errors.BrokenPipe, // EPIPE
  40: Deno.errors.FilesystemLoop, // ELOOP
  98: Deno.errors.AddrInUse, // EADDRINUSE
  99: Deno.errors.AddrNotAvailable, // EADDRNOTAVAIL
  101: Deno.errors.NetworkUnreachable, // ENETUNREACH
  103: Deno.errors.ConnectionAborted, // ECONNABORTED
  104: Deno.errors.ConnectionReset, // ECONNRESET
  110: Deno.errors.TimedOut, // ETIMEDOUT
  111: Deno.errors.ConnectionRefused, // ECONNREFUSED
  113: Deno.errors.NetworkUnreachable, // EHOSTUNREACH
};

function load(): Native {
  requirePlatform();
  const tried: string[] = [];
  const denied: string[] = [];
  for (const path of candidates()) {
    let addon: Partial<Native>;
    try {
      addon = open(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) denied.push(path);
      else tried.push(`"${path}" (${(error as Error).message})`);
      continue;
    }
    const abi = addon.abi?.();
    if (abi !== ABI) {
      throw new ProcessError(
        `Cannot use the native addon "${path}": it has interface ${abi}, wanted ${ABI}; run \`deno task build\``,
      );
    }
    loadedFrom = path;
    return addon as Native;
  }
  if (denied.length > 0) {
    if (isWorker()) {
      throw new Deno.errors.NotCapable(
        `Cannot load the native addon in this Worker: permission to load "${denied.join()}" is missing. A Worker of a ` +
          "process with permissions of its own cannot use multiprocessing; elsewhere, grant the Worker ffi, or run Deno " +
          `with --allow-ffi="${denied.join()}"`,
      );
    }
    throw new Deno.errors.NotCapable(
      `Cannot load the native addon: permission to load it is missing; run Deno with --allow-ffi="${denied.join()}"`,
    );
  }
  throw new Deno.errors.NotFound(
    `Cannot load the native addon: tried ${tried.join(", ")}; run \`deno task build\` in "${packageFolder()}"`,
  );
}

/** Deno's own function beneath `process.dlopen`, as versions 2.9 have it. Like that, it asks for the permission. */
type Open = (
  path: string,
  global: typeof globalThis,
  buffer: (bytes: ArrayBuffer, offset?: number, length?: number) => Uint8Array,
  ...others: ((...args: unknown[]) => void)[]
) => Partial<Native>;

/**
 * Loads a library. `process.dlopen` is the way that Deno documents, but 12 ms of every process's start go into what
 * else comes with `node:process`; so it is left for versions of Deno where the function beneath is another.
 */
function open(path: string): Partial<Native> {
  const deno = Deno as unknown as {
    [internal: symbol]: { core?: { ops?: { op_napi_open?: Open } } };
    internal: symbol;
  };
  const direct = deno[deno.internal]?.core?.ops?.op_napi_open;
  if (direct !== undefined && /^2\.9\./.test(Deno.version.deno)) {
    const ignore = () => {};
    const buffer = (bytes: ArrayBuffer, offset?: number, length?: number) => new Uint8Array(bytes, offset, length);
    return direct(path, globalThis, buffer, (error) => reportError(error), ignore, ignore, ignore, ignore);
  }
  const module: { exports: Partial<Native> } = { exports: {} };
  nodeProcess().dlopen(module, path);
  return module.exports;
}

/** Whether this is a Worker: a thread of the process, with JavaScript of its own. */
export function isWorker(): boolean {
  return "postMessage" in globalThis;
}

function requirePlatform(): void {
  const { os } = Deno.build;
  if (os !== "linux") {
    throw new Deno.errors.NotSupported(`Cannot use multiprocessing on "${os}": it supports Linux only`);
  }
  if (!isAtLeast(Deno.version.deno, MINIMUM_DENO)) {
    throw new Deno.errors.NotSupported(
      `Cannot use multiprocessing with Deno ${Deno.version.deno}: it needs ${MINIMUM_DENO} or later; run \`deno upgrade\``,
    );
  }
}

/** Whether a version such as `2.10.0` or `2.9.5-rc.1` is `wanted` or later; a pre-release counts as its release. */
export function isAtLeast(version: string, wanted: string): boolean {
  const [given, least] = [version, wanted].map((text) => text.split(/[.+-]/).slice(0, 3).map(Number));
  for (let i = 0; i < 3; i++) {
    if (given[i] !== least[i]) return given[i] > least[i];
  }
  return true;
}

/**
 * Where the addon may be: what the user names; or what a package brings and what a checkout builds. Of these only what
 * may be loaded, if there is any, so that nobody is asked for a permission in vain.
 */
function candidates(): string[] {
  const named = explicitPath();
  if (named !== undefined) return [named];
  const folder = packageFolder();
  const paths = [
    `${folder}native/prebuilt/${Deno.build.target}.node`,
    `${folder}target/release/libmultiprocessing.so`,
  ];
  const granted = paths.filter((path) => Deno.permissions.querySync({ name: "ffi", path }).state === "granted");
  return granted.length > 0 ? granted : paths;
}

const ADDON_VARIABLE = "MULTIPROCESSING_ADDON";

/** What that variable says, if this process may read it. */
function explicitPath(): string | undefined {
  if (Deno.permissions.querySync({ name: "env", variable: ADDON_VARIABLE }).state !== "granted") return undefined;
  return Deno.env.get(ADDON_VARIABLE);
}

function packageFolder(): string {
  return PACKAGE_FOLDER.startsWith("file:") ? pathOfUrl(PACKAGE_FOLDER) : PACKAGE_FOLDER;
}
