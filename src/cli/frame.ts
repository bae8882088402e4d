// What `top` shows of a snapshot: lines, tree by tree. Locks and queues that nobody uses at the moment are only counted.

import { shownName } from "../runtime/harmless.ts";
import { labelOf } from "../runtime/object_name.ts";
import { wallClock } from "../runtime/timing.ts";
import type {
  LiveHolder,
  LiveLock,
  LiveObject,
  LivePool,
  LiveProcess,
  LiveQueue,
  LiveSleeper,
  Snapshot,
  Tree,
} from "../live/snapshot.ts";
import { bytes, type Cell, counted, duration, rate, tabled } from "./format.ts";
import { goalOf, processLabel, threadLabel } from "./names.ts";
import { TreeIndex, type Waiter } from "./tree_index.ts";

/** How a line is to look, where there are colours. */
export type Style = "title" | "heading" | "warning" | "plain";

/** A line without its end. */
export interface Line {
  readonly text: string;
  readonly style: Style;
}

/** How many promises of a process are shown. */
const MOST_PROMISES = 3;
/** How many sleepers of a queue are shown by their names. */
const MOST_SLEEPERS = 3;
/** How many objects of a kind are shown: those that somebody waits at before the others. */
const MOST_OBJECTS = 40;

/** The lines of a look. */
export function linesOf(snapshot: Snapshot): Line[] {
  const { trees, troubles } = snapshot;
  const processes = trees.reduce((sum, tree) => sum + tree.processes.length, 0);
  const title = trees.length === 0
    ? "No process tree of this user uses multiprocessing at the moment."
    : `${counted(trees.length, "tree")}, ${counted(processes, "process", "processes")}`;
  return [
    { text: title, style: "title" },
    ...trees.flatMap(linesOfTree),
    ...troubles.map((text): Line => ({ text: shownName(text), style: "warning" })),
  ];
}

function linesOfTree(tree: Tree): Line[] {
  const index = new TreeIndex(tree);
  const root = index.process(tree.rootPid);
  const whose = root === undefined ? "a process that has ended" : processLabel(root);
  const size = counted(tree.processes.length, "process", "processes");
  return [
    { text: "", style: "plain" },
    { text: `Tree of ${whose}: ${size}, ${bytes(tree.sharedBytes)} shared`, style: "title" },
    ...table(
      ["PID", "NAME", "STATE", "CPU", "MEMORY", "FOR", "WAITS"],
      tree.processes.flatMap((it) => rowsOf(index, it)),
    ),
    ...section(
      ["QUEUE", "LENGTH", "PUT/S", "TAKEN/S", "ASLEEP"],
      waitedForFirst(tree.queues.filter(isUsed), sleepersOf),
      (it) => queueRow(index, it),
    ),
    ...section(
      ["LOCK", "HOLDER", "HELD", "WAITERS"],
      waitedForFirst(tree.locks.filter(isContended), ({ waiters }) => waiters),
      (it) => lockRow(index, it),
    ),
    ...section(["POOL", "WORKERS", "BUSY", "QUEUED", "DONE", "DONE/S"], tree.pools.filter((it) => it.livesOn), poolRow),
    ...section(["OTHER", "STATE", "WAITERS"], othersOf(tree), (row) => row),
    ...restOf(tree),
    ...tree.troubles.map((text): Line => ({ text: `  ${shownName(text)}`, style: "warning" })),
  ];
}

function section<T>(heads: readonly string[], items: readonly T[], rowOf: (it: T) => Cell[]): Line[] {
  const hidden = items.length - MOST_OBJECTS;
  const more: Line[] = hidden > 0 ? [{ text: `  … ${hidden} more; --json has all`, style: "heading" }] : [];
  return items.length === 0 ? [] : [...table(heads, items.slice(0, MOST_OBJECTS).map(rowOf)), ...more];
}

/** The same in the same order, but those that somebody waits at first. */
function waitedForFirst<T>(items: readonly T[], waiters: (it: T) => number): T[] {
  return items.toSorted((a, b) => Number(waiters(b) > 0) - Number(waiters(a) > 0));
}

/** A table, below its headings. A column of numbers has its heading to the right, too. */
function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): Line[] {
  const first = rows[0] ?? [];
  const headings = heads.map((head, at): Cell => typeof first[at] === "object" ? { right: head } : head);
  return tabled([headings, ...rows]).map((text, at) => ({ text: `  ${text}`, style: at === 0 ? "heading" : "plain" }));
}

const right = (text: string): Cell => ({ right: text });

/** A process, in the first of its waits' rows, and the others below. */
function rowsOf(index: TreeIndex, process: LiveProcess): Cell[][] {
  const waiters = index.waitersOf(process);
  const promises = waiters.filter((it) => it.isPromise);
  const shown = [...waiters.filter((it) => !it.isPromise), ...promises.slice(0, MOST_PROMISES)];
  const more = promises.length - Math.min(promises.length, MOST_PROMISES) + process.morePromises;
  const waits: [since: string, goal: string][] = shown.map((it) => [duration(it.wait.sinceMs), waitText(index, it)]);
  if (more > 0) waits.push(["", `${counted(more, "more promise")}`]);
  const { pid, name, cpuPercent, cpuMs, memoryBytes, isCaged, isStopped } = process;
  const cpu = cpuPercent !== null ? `${Math.round(cpuPercent)} %` : cpuMs !== null ? duration(cpuMs) : "?";
  const activity = isStopped ? "stopped" : process.state;
  const state = isCaged ? `${activity}, caged` : activity;
  const [since, goal] = waits[0] ?? ["", ""];
  const memory = memoryBytes === null ? "?" : bytes(memoryBytes);
  return [
    [right(`${pid}`), shownName(name), state, right(cpu), right(memory), right(since), goal],
    ...waits.slice(1).map(([since, goal]): Cell[] => [right(""), "", "", right(""), right(""), right(since), goal]),
  ];
}

function waitText(index: TreeIndex, { process, thread, isPromise, wait }: Waiter): string {
  const goal = goalOf(index, wait);
  if (isPromise) return `promise: ${goal}`;
  return thread === undefined || thread.tid === process.pid ? goal : `${threadLabel(process, thread.tid)}: ${goal}`;
}

/** What has a name is shown by it, what has none by its number. */
function title({ name, id }: LiveObject): string {
  return name === "" ? `#${shownName(id)}` : shownName(name);
}

function isUsed(queue: LiveQueue): boolean {
  const { name, length, putPerSecond, takenPerSecond } = queue;
  return name !== "" || length > 0 || sleepersOf(queue) > 0 || putPerSecond! > 0 || takenPerSecond! > 0;
}

function sleepersOf({ putters, takers, joiners }: LiveQueue): number {
  return putters.length + takers.length + joiners.length;
}

function queueRow(index: TreeIndex, queue: LiveQueue): Cell[] {
  const { length, capacity, putPerSecond, takenPerSecond, unfinished, isShutDown } = queue;
  const parts = [
    sleepers(index, "to put", queue.putters),
    sleepers(index, "to take", queue.takers),
    sleepers(index, "to join", queue.joiners),
    unfinished === null || unfinished === 0 ? "" : `${unfinished} unfinished`,
    isShutDown ? "shut down" : "",
  ];
  return [
    title(queue),
    right(capacity > 0 ? `${length} of ${capacity}` : `${length}`),
    right(putPerSecond === null ? "" : rate(putPerSecond)),
    right(takenPerSecond === null ? "" : rate(takenPerSecond)),
    parts.filter((it) => it !== "").join("; "),
  ];
}

function sleepers(index: TreeIndex, what: string, list: readonly LiveSleeper[]): string {
  if (list.length === 0) return "";
  const shown = list.slice(0, MOST_SLEEPERS).map(({ pid, sinceMs }) => {
    const process = index.process(pid);
    return `${process === undefined ? `process ${pid}` : processLabel(process)} for ${duration(sinceMs)}`;
  });
  const more = list.length > MOST_SLEEPERS ? [`${list.length - MOST_SLEEPERS} more`] : [];
  return `${what}: ${[...shown, ...more].join(", ")}`;
}

function isContended({ holder, waiters }: LiveLock): boolean {
  return holder !== null || waiters > 0;
}

function lockRow(index: TreeIndex, lock: LiveLock): Cell[] {
  const { kind, holder, heldForAtLeastMs, waiters, depth } = lock;
  const what = kind === "value" ? `value ${title(lock)}` : title(lock);
  const held = heldForAtLeastMs === null
    ? ""
    : `${duration(heldForAtLeastMs)}${depth > 0 ? ` (${depth + 1} deep)` : ""}`;
  return [what, holder === null ? "" : holderText(index, holder), right(held), right(`${waiters}`)];
}

function holderText(index: TreeIndex, holder: LiveHolder): string {
  if (holder.pid === 0) return "a client of a manager";
  const { pid, tid, processName, livesOn } = holder;
  const process = index.process(pid);
  const thread = process === undefined || tid === pid ? "" : `, ${threadLabel(process, tid)}`;
  return `${processLabel({ name: processName, pid })}${thread}${livesOn ? "" : ", which has ended"}`;
}

function poolRow(pool: LivePool): Cell[] {
  const { processes, busy, queued, done, failed, donePerSecond } = pool;
  const perSecond = donePerSecond === null ? "" : rate(donePerSecond);
  const finished = failed > 0 ? `${done} (${failed} failed)` : `${done}`;
  return [
    `${pool.name === "" ? "" : `${shownName(pool.name)} `}of pid ${pool.pid}`,
    ...[processes, busy, queued, finished, perSecond].map((it) => right(`${it}`)),
  ];
}

/** What else somebody waits at. */
function othersOf({ semaphores, events, conditions, barriers }: Tree): Cell[][] {
  const waitedFor = <T extends { readonly waiters: number }>(list: readonly T[]) => list.filter((it) => it.waiters > 0);
  const row = (kind: string, it: LiveObject & { readonly waiters: number }, state: string): Cell[] => [
    `${kind}${labelOf(it.name) || ` #${shownName(it.id)}`}`,
    state,
    right(`${it.waiters}`),
  ];
  return [
    ...waitedFor(semaphores).map((it) =>
      row("semaphore", it, `${it.value}${it.bound === null ? "" : ` of ${it.bound}`}`)
    ),
    ...waitedFor(events).map((it) => row("event", it, it.isSet ? "set" : "not set")),
    ...waitedFor(conditions).map((it) => row("condition", it, "")),
    ...waitedFor(barriers).map((it) =>
      row("barrier", it, `${it.arrived} of ${it.parties}${it.isBroken ? ", broken" : ""}`)
    ),
  ];
}

/** How much of the tree was not shown. */
function restOf({ queues, locks }: Tree): Line[] {
  const idle = queues.filter((it) => !isUsed(it)).length;
  const free = locks.filter((it) => !isContended(it)).length;
  const parts = [
    idle > 0 ? counted(idle, "idle queue without a name", "idle queues without names") : "",
    free > 0 ? counted(free, "free lock") : "",
  ].filter((it) => it !== "");
  return parts.length === 0 ? [] : [{ text: `  Besides: ${parts.join(", ")}`, style: "plain" }];
}

/** The look's time on a clock on the wall, as the user's time zone has it. */
export function clockText(): string {
  const zone = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;
  return new Intl.DateTimeFormat("en", zone).format(wallClock());
}
