// What the tests of real processes share: a watchdog for everything that can hang, programs run to their end, and
// what /proc knows about processes, descriptors and threads.

import { Event, Pipe } from "@parallel/multiprocessing";
import { assertEquals, assertRejects } from "@std/assert";
import process from "node:process";
import { native } from "../../src/addon/load.ts";

/**
 * How long anything in a test may take before it counts as hanging, in milliseconds. A test that starts twenty processes
 * takes two seconds of a processor, and gets a tenth of one where others work, too.
 */
export const PATIENCE = 60_000;

/** The folder of the modules that other processes run. */
export const FIXTURES: URL = new URL("../fixtures/", import.meta.url);

/** The module with the functions that tests run in other processes. */
export const TARGETS: string = new URL("../fixtures/targets.ts", import.meta.url).href;

/** What `promise` resolves to, or an error if that takes too long. */
export async function within<T>(promise: Promise<T>, what = "the promise", patience = PATIENCE): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Cannot wait longer for ${what} than ${patience} ms`)), patience);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * All promises must be rejected so. They are looked at together: one that is rejected while another is waited for would be
 * an error that nobody catches, which ends the whole file.
 */
export async function assertAllReject(
  promises: readonly Promise<unknown>[],
  ...[Class, message]: [Class: Parameters<typeof assertRejects>[1], message?: string]
): Promise<void> {
  await Promise.all(promises.map((promise) => assertRejects(() => within(promise), Class, message)));
}

type Nothing = undefined | null | false;

/** The first value of `probe` that is neither `undefined`, `null` nor `false`. A promise of it is waited for, each time. */
export async function until<T>(what: string, probe: () => T | Nothing | Promise<T | Nothing>): Promise<T> {
  const end = performance.now() + PATIENCE;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== null && found !== false) return found;
    if (performance.now() > end) throw new Error(`Cannot see ${what} within ${PATIENCE} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** How a program ended. */
export interface Outcome {
  code: number;
  signal: Deno.Signal | null;
  stdout: string;
  stderr: string;
}

/** Options of {@linkcode startProgram}. */
export interface ProgramOptions {
  /** Flags of `deno run`. Default: `-A`. */
  flags?: string[];
  args?: string[];
  env?: Record<string, string>;
  /** Whether `env` is the whole environment. */
  clearEnv?: boolean;
  cwd?: string;
  /** Whether it leads a process group of its own. */
  detached?: boolean;
  /** Milliseconds after which it counts as hanging. Default: {@linkcode PATIENCE}. */
  patience?: number;
}

/** A program that runs. */
export class Program implements AsyncDisposable {
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<Deno.CommandOutput>;
  readonly #patience: number;
  #stdout = "";

  constructor(
    script: string | URL,
    { flags = ["-A"], args = [], env, clearEnv, cwd, detached, patience = PATIENCE }: ProgramOptions,
  ) {
    this.#patience = patience;
    const path = script instanceof URL ? script.href : script;
    // As from a terminal: whoever runs the tests may ignore signals, as nohup(1) does, and a program would as well.
    this.#child = new Deno.Command("/usr/bin/env", {
      args: ["--default-signal", Deno.execPath(), "run", "--quiet", ...flags, path, ...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1", ...env },
      clearEnv,
      cwd,
      detached,
    }).spawn();
    this.pid = this.#child.pid;
    const [read, kept] = this.#child.stdout.tee();
    this.#follow(read);
    this.#output = this.#collect(kept);
  }

  async #follow(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#stdout += text;
  }

  async #collect(stdout: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Deno.CommandOutput> {
    const [status, out, err] = await Promise.all([
      this.#child.status,
      new Response(stdout).bytes(),
      new Response(this.#child.stderr).bytes(),
    ]);
    return Object.assign(status, { stdout: out, stderr: err });
  }

  /** The rest of the first line of output that begins with `prefix`, which may be yet to come. */
  async said(prefix: string): Promise<string> {
    const line = () => this.#stdout.split("\n").slice(0, -1).find((line) => line.startsWith(prefix));
    const found = await until(`the line "${prefix}…" of the program`, line);
    return found.slice(prefix.length).trim();
  }

  /** What it has said so far. */
  get output(): string {
    return this.#stdout;
  }

  kill(signal: Deno.Signal = "SIGKILL"): void {
    this.#child.kill(signal);
  }

  /** Sends a signal to all of the process group that it leads, as Ctrl-C and systemd do. */
  killGroup(signal: Deno.Signal): void {
    process.kill(-this.pid, signal);
  }

  /** How it ends; a program that takes too long is killed, and that is an error. */
  async outcome(): Promise<Outcome> {
    const timer = setTimeout(() => killTree(this.pid), this.#patience);
    const begin = performance.now();
    const { code, signal, stdout, stderr } = await this.#output;
    clearTimeout(timer);
    const outcome = {
      code,
      signal,
      stdout: new TextDecoder().decode(stdout),
      stderr: new TextDecoder().decode(stderr),
    };
    if (performance.now() - begin >= this.#patience) {
      throw new Error(`Cannot wait longer for the program than ${this.#patience} ms: ${Deno.inspect(outcome)}`);
    }
    return outcome;
  }

  /** Kills it and everything it started. */
  async [Symbol.asyncDispose](): Promise<void> {
    killTree(this.pid);
    await this.#output;
  }
}

/** Starts a program; its output can be followed. */
export function startProgram(script: string | URL, options: ProgramOptions = {}): Program {
  return new Program(script, options);
}

/** Runs a program to its end. */
export async function runProgram(script: string | URL, options: ProgramOptions = {}): Promise<Outcome> {
  await using program = startProgram(script, options);
  return await program.outcome();
}

/** The program's outcome, which must be success without a word on standard error; its output. */
export async function outputOf(script: string | URL, options: ProgramOptions = {}): Promise<string> {
  const { code, signal, stdout, stderr } = await runProgram(script, options);
  assertEquals({ code, signal, stderr }, { code: 0, signal: null, stderr: "" }, stdout);
  return stdout;
}

/** The fields of `/proc/<pid>/stat` from the state on; `null` if there is no such process. */
function statOf(pid: number): string[] | null {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

/** The state of a process, as /proc has it: `S`, or `T` if it is stopped; `null` if there is no such process. */
export function stateOf(pid: number): string | null {
  return statOf(pid)?.[0] ?? null;
}

/** Whether the process exists and is not just waiting to be reaped. */
export function isRunning(pid: number): boolean {
  const state = stateOf(pid);
  return state !== null && state !== "Z" && state !== "X";
}

/** The ids of the children of a process, zombies too; of this process, without those that wait for work. */
export function childrenOf(parent: number = Deno.pid): number[] {
  const waiting = parent === Deno.pid ? native().warmProcesses() : [];
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name))
    .filter((pid) => pid > 0 && Number(statOf(pid)?.[1]) === parent && !waiting.includes(pid));
}

/** The ids of all processes that a process started, and that those started. */
export function descendantsOf(ancestor: number): number[] {
  return childrenOf(ancestor).flatMap((pid) => [pid, ...descendantsOf(pid)]);
}

/** Kills a process and all that it started. */
export function killTree(pid: number): void {
  for (const each of [pid, ...descendantsOf(pid)]) {
    try {
      Deno.kill(each, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** The states of the threads of a process; none if there is no such process. */
function threadStates(pid: number): string[] {
  try {
    const tasks = [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => name);
    return tasks.map((task) => Deno.readTextFileSync(`/proc/${pid}/task/${task}/stat`).replace(/^.*\) (.).*\n/, "$1"));
  } catch {
    return []; // it has just ended
  }
}

/**
 * Stops processes, or groups by the negative of their numbers, and waits until none of their threads runs: who is told to
 * stop does so when it has a processor next.
 */
export async function freeze(...pids: number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  for (const pid of pids.map(Math.abs)) {
    await until(`process ${pid} stopped`, () => threadStates(pid).every((state) => "TtZX".includes(state)));
  }
}

/** Waits until the main thread of a process sleeps in the kernel on a word of memory. */
export async function blocked(pid: number): Promise<void> {
  await until(`process ${pid} blocked`, () => Deno.readTextFileSync(`/proc/${pid}/wchan`).includes("futex"));
}

/** What this process has open, but for Deno's caches, which Deno opens when it comes to it: `7 socket:[1362961]`. */
export function descriptors(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      const target = Deno.readLinkSync(`/proc/self/fd/${name}`);
      return /_cache_v\d+(-\w+)?$/.test(target) ? [] : [`${name} ${target}`];
    } catch {
      return []; // that of the folder, or of another thread: closed by now
    }
  });
}

/** How many {@linkcode descriptors} this process has. */
export function descriptorCount(): number {
  return descriptors().length;
}

let loaded = 0;

/**
 * Has this thread load a module. Deno keeps the event loop of the thread that was the last to do so, two descriptors, also
 * where it was a Worker that has ended long since.
 */
async function load(): Promise<void> {
  await import(`data:text/javascript,export const n = ${loaded++};`);
}

/** The names of the threads of this process. */
export function threads(): string[] {
  return [...Deno.readDirSync("/proc/self/task")].flatMap(({ name }) => {
    try {
      return [Deno.readTextFileSync(`/proc/self/task/${name}/comm`).trim()];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
}

/** The shared memory of the tree that a process is in, as `/proc/<pid>/maps` names it; `null` if it is in none. */
export function arenaOf(pid: number): string | null {
  try {
    const line = Deno.readTextFileSync(`/proc/${pid}/maps`).split("\n").find((it) => it.includes("multiprocessing"));
    return line?.match(/ (\w+:\w+ \d+) +\/memfd:/)?.[1] ?? null;
  } catch {
    return null;
  }
}

/** The processes that are in the tree with that memory. */
export function membersOf(arena: string): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name))
    .filter((pid) => pid > 0 && arenaOf(pid) === arena);
}

/** How many threads the package may have in a process: one waits for words, one for descriptors. */
const OWN_THREADS = 2;

/** What a test may leave behind. */
interface Belongings {
  children: number[];
  descriptors: number;
  ownThreads: number;
  sharedMemory: string[];
  /** The descriptors, for what is said of those that are left. */
  open: string[];
}

/**
 * What is in /dev/shm, but for semaphores, and for blocks that somebody has named as Python does: these are of other parts of
 * the gate, whose tests look after them, and come and go meanwhile.
 */
export function sharedMemory(): string[] {
  return [...Deno.readDirSync("/dev/shm")].map(({ name }) => name).filter((name) => !/^(sem\.|psm_)/.test(name)).sort();
}

/** Has the package start the threads that stay, for tests that count them, and their descriptors. */
export async function startOwnThreads(): Promise<void> {
  using event = new Event();
  await event.wait({ timeout: 1 });
  const [reader, writer] = Pipe();
  await reader.poll({ timeout: 1 });
  reader.close();
  writer.close();
}

/** What this process has now. */
export function belongings(): Belongings {
  const open = descriptors();
  return {
    children: childrenOf(),
    descriptors: open.length,
    ownThreads: threads().filter((name) => name.startsWith("mp-")).length,
    sharedMemory: sharedMemory(),
    open,
  };
}

/** How many descriptors are of a kind. */
function count({ open }: Belongings, kind: string): number {
  return open.filter((it) => it.includes(kind)).length;
}

/**
 * Fails unless this process has again no more than `before`; what ends asynchronously is given the time to.
 *
 * @param loops How many Workers were terminated while they computed. Of such a one Deno may keep the event loop: an eventfd,
 * and what watches it.
 */
export async function assertNothingLeft(before: Belongings, loops = 0): Promise<void> {
  let now: Belongings;
  const isAsBefore = async () => {
    now = belongings();
    if (now.descriptors > before.descriptors) await load();
    const kept = Math.min(loops, count(now, "[eventpoll]") - count(before, "[eventpoll]"));
    return now.children.length <= before.children.length &&
      now.descriptors <= before.descriptors + 2 * Math.max(0, kept) &&
      now.ownThreads <= Math.max(before.ownThreads, OWN_THREADS) &&
      now.sharedMemory.join() === before.sharedMemory.join();
  };
  await until("everything gone", isAsBefore).catch(() => {
    const { open, ...left } = now;
    const { open: old, ...wanted } = before;
    assertEquals(
      left,
      wanted,
      `now open: ${open.filter((it) => !old.includes(it)).join(", ")}; before: ${old.join(", ")}`,
    );
  });
}

/**
 * Fails unless there are no more blocks of shared memory than before, and, where it is given, no more bytes. There may be
 * fewer: what earlier tests had goes when it is collected, or when the next process ends.
 */
export async function assertNoMoreBlocks(before: { blocks: number; bytes?: number }): Promise<void> {
  let now = native().memoryUsage();
  const isAsBefore = () => {
    now = native().memoryUsage();
    return now.blocks <= before.blocks && now.bytes <= (before.bytes ?? Infinity);
  };
  await until("no more blocks than before", isAsBefore).catch(() => {
    throw new Error(`More shared memory is left than before: ${Deno.inspect({ before, now })}`);
  });
}
