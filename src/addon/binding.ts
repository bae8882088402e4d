// The functions of the addon, as TypeScript sees them, and the objects that they take and give.

import type { Numbers } from "./numbers.ts";

/** Who stands behind the token of a lock word. */
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
  /** Whether it is to call `shield` before it does anything else. */
  readonly shielded: boolean;
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
  /** Whether signals to the whole group are for this process to deal with: SIGINT, SIGTERM, SIGHUP. */
  readonly shielded: boolean;
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
  // abi
  interface(): string;
  version(): string;
  firstCopy(url: string): string;
  numbers(): Numbers;
  // tree.rs
  joinTree(name: string): void;
  joinParent(): Joined;
  awaitWork(): Joined;
  shield(): void;
  // host.rs
  changeDirectory(path: string): void;
  // tree.rs
  parentDescriptor(): number;
  parentIsAlive(): boolean;
  parentJoin(timeout: number): boolean;
  parentAwait(): number;
  threadToken(): number;
  threadHasDied(token: number): number;
  ownerOf(token: number): Owner | null;
  setProcessName(name: string): void;
  // host.rs
  processArguments(): string[];
  executable(): string;
  programAt(path: string): "program" | "broken link" | "nothing" | "no program";
  findProgram(name: string): string | null;
  workingDirectory(): string;
  // tree.rs
  reportFailure(message: string): void;
  // host.rs
  availableCpus(): number;
  runtimeIsBusy(threads: number, pipes: number): boolean;
  threadId(): number;
  processMark(pid: number): number;
  processGoesOn(pid: number, mark: number): boolean;
  // workers.rs
  note(name: string, bytes: Uint8Array): void;
  agree(name: string, proposal: Uint8Array): Uint8Array;
  noted(name: string): Uint8Array | null;
  // memory.rs
  window(index: number): ArrayBuffer;
  createBlock(kind: number, size: number): number;
  adoptBlock(block: number, generation: number): void;
  releaseBlock(block: number): void;
  collectBlock(block: number): void;
  generationOf(block: number): number;
  blockIsLast(block: number): number;
  cellOf(block: number, kind: number): number;
  valueBegins(block: number): number;
  sizeOf(block: number): number;
  valueBytes(block: number): ArrayBuffer;
  // live.rs
  liveTrees(): string;
  nameBlock(block: number, name: string): void;
  // cage.rs
  isCaged(): boolean;
  // memory.rs
  mostProcesses(): number;
  // cage.rs
  treeHasCage(): boolean;
  mayLoad(url: string): boolean;
  mayLoadOthers(addon: string): boolean;
  // memory.rs
  memoryUsage(): MemoryUsage;
  // views.rs
  viewCreate(size: number): SharedArrayBuffer;
  viewMade(): [block: number, generation: number];
  viewOpen(block: number): SharedArrayBuffer;
  viewFind(buffer: SharedArrayBuffer, view: Uint8Array): [block: number, generation: number] | null;
  viewClose(view: Uint8Array): void;
  loanCreate(size: number): SharedArrayBuffer;
  loanOpen(block: number): SharedArrayBuffer;
  loanRead(block: number, target: Uint8Array): void;
  viewLookAgain(): void;
  collectGarbage(): void;
  // named.rs
  namedCreate(name: string, size: number, owns: boolean): SharedArrayBuffer;
  namedAttach(name: string): SharedArrayBuffer;
  namedMade(): string;
  namedUnlink(name: string, identity: string): boolean;
  namedOwn(name: string, identity: string): boolean;
  namedDisown(identity: string): void;
  namedReclaim(name: string, remove: boolean): "foreign" | "owned" | "mapped" | "unknown" | "left";
  // port.rs
  openPort(ring: () => void): void;
  keepAlive(on: boolean): void;
  takeOutcomes(): number[];
  cancel(ticket: number): void;
  hasten(ticket: number): number;
  // synchronize.rs
  lockAcquire(block: number, timeout: number): number;
  lockAcquireAsync(block: number, timeout: number): number;
  lockRelease(block: number): number;
  lockGiveBack(block: number, outcome: number): number;
  lockAbandon(block: number, name: string): boolean;
  lockWake(block: number): number;
  lockOwner(block: number): number;
  lockDepth(block: number): number;
  semaphoreCreate(value: number, max: number): number;
  semaphoreAcquire(semaphore: number, timeout: number): number;
  semaphoreAcquireAsync(semaphore: number, timeout: number): number;
  semaphoreGiveBack(block: number): number;
  semaphoreWake(semaphore: number, n: number): number;
  semaphoreRelease(semaphore: number, n: number): number;
  semaphoreValue(semaphore: number): number;
  semaphoreBound(semaphore: number): number;
  /** What becomes of a {@linkcode Look} habit by a wait of so many milliseconds that no look has ended. */
  habitAfter(habit: number, time: number, hasLooked: 0 | 1): number;
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
  queueCreateKept(): number;
  queueKeep(id: number): void;
  queuePut(queue: number, length: number, timeout: number): number;
  queuePutBytes(queue: number, tag: number, bytes: Uint8Array, attachments: number[], timeout: number): number;
  queueGet(queue: number, timeout: number, lonely: number): number;
  queuePutRun(queue: number, length: number, timeout: number): number;
  queueGetRun(queue: number, most: number): number;
  queueGetInto(queue: number, target: Uint8Array): number;
  queueGetBytes(queue: number, timeout: number, lonely: number): number;
  queueGetBytesInto(queue: number, target: Uint8Array): number;
  queuePutSplit(queue: number, head: Uint8Array, bytes: Uint8Array, attachments: number[], timeout: number): number;
  queueGetSplit(queue: number, head: Uint8Array, rest: Uint8Array): number;
  takenAttachments(): number[];
  unpin(attachments: number[]): void;
  queueAwait(queue: number, state: number, timeout: number, watch: number, isIdle: boolean): number;
  queueCompany(queue: number): number;
  queueNotePutting(queue: number): number;
  queueIsKept(queue: number): number;
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
  connectionConfirm(connection: number): number;
  connectionPeer(connection: number): number;
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
  // tree.rs
  noteBegun(): void;
  // children.rs
  childExitCode(pid: number): number | null;
  childJoin(pid: number, timeout: number): boolean;
  childPutting(pid: number): number;
  childDescriptor(pid: number): number;
  childAwait(pid: number): number;
  childSignal(pid: number, signal: number): void;
  childClose(pid: number): void;
  // output.rs
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
  giveWork(command: string, name: string, daemon: boolean, shielded: boolean, preparation: number): number | null;
  warmProcesses(): number[];
  coolDown(): void;
  // host.rs
  directoryToBeginIn(path?: string): string;
}
