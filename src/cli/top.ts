// `top`: shows the live trees, again and again on a terminal.

import { performance, setTimeout } from "../runtime/timing.ts";
import type { Snapshot, Tree } from "../live/snapshot.ts";
import type { Order } from "./arguments.ts";
import { clockText, type Line, linesOf } from "./frame.ts";
import { writeAll } from "../runtime/standard_output.ts";
import { Screen } from "./screen.ts";

/** Looks at all live trees of the user. What changed since the look before is in its rates. */
export type Look = () => Snapshot;

/** Milliseconds between two looks. */
const INTERVAL = 1000;
/** Milliseconds between the two looks without which one that is printed has no rates. */
const BETWEEN = 250;

/**
 * Obeys `top`; the exit code.
 *
 * @param look Of one viewer, which knows its looks before.
 */
export async function top(order: Order, look: Look): Promise<number> {
  const { pid, interval, once, json } = order;
  const looked = () => onlyTreeOf(look(), pid);
  if (pid !== undefined && looked().trees.length === 0) {
    console.error(`Cannot show the tree of process ${pid}: it is in no live tree of this user`);
    return 1;
  }
  const isRepeated = !once && (interval !== undefined || Deno.stdout.isTerminal());
  if (!isRepeated) {
    if (!json && pid === undefined) look();
    if (!json) await sleep(BETWEEN);
    print(looked(), json);
    return 0;
  }
  if (json || !Deno.stdout.isTerminal()) return await stream(looked, order);
  return await watch(looked, order);
}

/** Prints look after look, as long as somebody reads. */
async function stream(look: Look, { pid, interval = INTERVAL, json }: Order): Promise<number> {
  for (let next = performance.now() + interval;; next += interval) {
    const snapshot = look();
    print(snapshot, json);
    if (pid !== undefined && snapshot.trees.length === 0) return 0;
    const now = performance.now();
    next = Math.max(next, now);
    await sleep(next - now);
  }
}

/** Shows look after look on the terminal. */
async function watch(look: Look, { pid, interval = INTERVAL }: Order): Promise<number> {
  using screen = new Screen();
  for (let next = performance.now() + interval;; next += interval) {
    const snapshot = look();
    if (pid !== undefined && snapshot.trees.length === 0) {
      screen[Symbol.dispose]();
      console.log(`The tree of process ${pid} has ended.`);
      return 0;
    }
    const lines = [statusLine(), ...linesOf(snapshot)];
    next = Math.max(next, performance.now());
    for (let turn = "resized"; turn === "resized";) {
      screen.show(lines);
      turn = await screen.pause(next);
      if (turn === "end") return 0;
    }
  }
}

function statusLine(): Line {
  return { text: `multiprocessing top, ${clockText()}; q ends`, style: "heading" };
}

function print(snapshot: Snapshot, json: boolean): void {
  const text = json ? JSON.stringify(snapshot) : `${linesOf(snapshot).map(({ text }) => text).join("\n")}\n`;
  writeAll(`${text}\n`);
}

/** The snapshot with no other trees than that of the process, if one is given. */
function onlyTreeOf(snapshot: Snapshot, pid: number | undefined): Snapshot {
  if (pid === undefined) return snapshot;
  const isIn = (tree: Tree) => tree.processes.some((it) => it.pid === pid && it.state !== "ended");
  return { ...snapshot, trees: snapshot.trees.filter(isIn) };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
