// `why`: explains what a process waits for.

import type { LiveProcess, Snapshot, Tree } from "../live/snapshot.ts";
import { Standstill } from "./deadlock.ts";
import { counted } from "./format.ts";
import { labelOf } from "../runtime/object_name.ts";
import { processLabel } from "./names.ts";
import { type Activity, activityClause, ownerOf, statusOf } from "./proc.ts";
import { type Sentence, Storyteller } from "./story.ts";
import { TreeIndex, type Waiter } from "./tree_index.ts";

/** What is known of why a process does not go on. */
export interface Explanation {
  readonly pid: number;
  /** Whether the process is in a tree of this user. */
  readonly found: boolean;
  /** Empty if it has none. */
  readonly processName: string;
  /** What the system says of its main thread. */
  readonly activity: Activity | "absent";
  /** What each of its threads and promises waits for, and the story of that. */
  readonly waits: readonly ExplainedWait[];
  /** The whole of it, line by line. */
  readonly sentences: readonly string[];
}

/** One wait of the process. */
export interface ExplainedWait {
  readonly tid: number;
  readonly isPromise: boolean;
  readonly kind: string;
  readonly sinceMs: number;
  readonly isStuck: boolean;
  /** The pids of the processes that wait for each other, in order; `null` if they do not do so in a circle. */
  readonly deadlock: readonly number[] | null;
}

/** How many promises of a process are explained. */
const MOST_PROMISES = 5;

/** Explains what the process waits for in that snapshot. */
export function explain(snapshot: Snapshot, pid: number): Explanation {
  const members = snapshot.trees.flatMap((tree) =>
    tree.processes.filter((it) => it.pid === pid).map((process) => ({ tree, process }))
  );
  // One that has ended may be in a tree still, while another tree has a new process with its id.
  const member = members.find(({ process }) => process.state !== "ended") ?? members[0];
  return member === undefined ? explainOther(pid) : explainMember(member.tree, member.process);
}

function explainMember(tree: Tree, process: LiveProcess): Explanation {
  const index = new TreeIndex(tree);
  const standstill = new Standstill(index);
  const activity = activityOf(process.pid, process.pid);
  const teller = new Storyteller(index, standstill, activityOf);
  const waiters = chosen(index.waitersOf(process));
  const sentences: Sentence[] = waiters.flatMap((waiter) => teller.tell(waiter));
  return {
    pid: process.pid,
    found: true,
    processName: process.name,
    activity,
    waits: waiters.map((waiter) => explainedWait(standstill, waiter)),
    sentences: [
      `${heading(tree, process)}:`,
      ...ownState(process, activity, waiters.length > 0).map((text) => `  ${text}`),
      ...sentences.map(({ depth, text }) => `${"  ".repeat(depth + 1)}${text}`),
      ...morePromises(index, process, waiters).map((text) => `  ${text}`),
      ...poolSentences(tree, process).map((text) => `  ${text}`),
    ],
  };
}

/** The waits that are explained: those that block threads, and the oldest of the promises. */
function chosen(waiters: readonly Waiter[]): Waiter[] {
  const promises = waiters.filter((it) => it.isPromise);
  return [...waiters.filter((it) => !it.isPromise), ...promises.slice(0, MOST_PROMISES)];
}

function explainedWait(standstill: Standstill, waiter: Waiter): ExplainedWait {
  const circle = standstill.circleFrom(waiter);
  return {
    tid: waiter.thread?.tid ?? 0,
    isPromise: waiter.isPromise,
    kind: waiter.wait.kind,
    sinceMs: waiter.wait.sinceMs,
    isStuck: standstill.isStuck(waiter),
    deadlock: circle === undefined ? null : circle.agents.map((it) => it.process.pid),
  };
}

function activityOf(pid: number, tid: number): Activity {
  return statusOf(pid, tid)?.activity ?? "ended";
}

function heading({ rootPid, processes }: Tree, process: LiveProcess): string {
  const label = processLabel(process);
  if (rootPid === process.pid) {
    return `${label}, the first of a tree of ${counted(processes.length, "process", "processes")}`;
  }
  return `${label}, in the tree of ${rootPid === 0 ? "a process that has ended" : `process ${rootPid}`}`;
}

/** What the process does itself, as the system has it. */
function ownState({ state, pid }: LiveProcess, activity: Activity, waits: boolean): string[] {
  if (state === "ended" || activity === "ended") return ["It has ended, and nobody has cleared up behind it yet."];
  if (["stopped", "traced"].includes(activity)) return [`It ${activityClause(activity, pid)}.`];
  if (waits) return [];
  if (state === "starting") return ["It was started, and has not entered its tree yet."];
  if (state === "warm") return ["It was started ahead, and waits for work."];
  return [`It does not wait for anything of this package: it ${activityClause(activity, pid)}.`];
}

function morePromises(index: TreeIndex, process: LiveProcess, shown: readonly Waiter[]): string[] {
  const more = index.waitersOf(process).length - shown.length + process.morePromises;
  return more === 0 ? [] : [`${counted(more, "more promise waits", "more promises wait")}.`];
}

/** Of its pools, what they have to do: a call of a pool is waited for by a promise of JavaScript's own. */
function poolSentences({ pools }: Tree, { pid }: LiveProcess): string[] {
  return pools.filter((pool) => pool.pid === pid).map(({ name, busy, processes, queued, done, failed }) => {
    const failures = failed === 0 ? "" : `, ${failed} failed`;
    return `Its pool${labelOf(name)}: ${busy} of ${counted(processes, "worker")} busy, ` +
      `${counted(queued, "task")} queued, ${done} done${failures}.`;
  });
}

/** A process that is in no tree. */
function explainOther(pid: number): Explanation {
  const [activity, text] = otherProcess(pid);
  return { pid, found: false, processName: "", activity, waits: [], sentences: [text] };
}

function otherProcess(pid: number): [Explanation["activity"], string] {
  const cannot = `Cannot explain process ${pid}:`;
  const owner = ownerOf(pid);
  const status = statusOf(pid);
  if (owner === undefined || status === undefined) return ["absent", `${cannot} there is none with that id`];
  const { activity, program } = status;
  if (owner !== Deno.uid()) return [activity, `${cannot} it is of another user, with the id ${owner}`];
  if (activity === "ended") return [activity, `${cannot} it has ended`];
  return [
    activity,
    `${cannot} it is in no tree of this package, and so waits for nothing of it; ` +
    `it runs "${program}", and ${activityClause(activity, pid)}`,
  ];
}
