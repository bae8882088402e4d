// Whole programs, each with a pool, a manager, and processes of its own, whose first process is killed. All others of its
// tree end, and nothing is left of its memory.

import { arenaOf, isRunning, membersOf } from "../../support/helpers.ts";
import { HANG, pause, type Stage } from "../stage.ts";
import { turningTime } from "../turns.ts";
import { startedProgram } from "../victims.ts";

const ROW = "whole tree";
const SUBTREE = new URL("../subtree.ts", import.meta.url);
/** The latest moment of a kill, in milliseconds: by then all of it is at work. */
const LATEST = 4000;
/** Milliseconds between two trees. */
const GAP = 1000;

export async function trees(stage: Stage): Promise<void> {
  for (let tree = 0; !stage.isOver(); tree++) {
    const random = stage.random.of("tree", tree);
    await life(stage, Math.floor(random.next() ** 0.5 * LATEST));
    await pause(GAP);
  }
}

async function life(stage: Stage, ms: number): Promise<void> {
  const victim = startedProgram(SUBTREE);
  await pause(ms);
  const arena = arenaOf(victim.pid);
  victim.signal("SIGKILL");
  stage.count(ROW, { kills: 1 });
  const code = await stage.soon(victim.ended, "the end of a program");
  if (victim.isLate?.()) stage.told(ROW, Object.assign(new Error(), { name: "RuntimeLate" }), "RuntimeLate");
  if (code !== -9) stage.violate(`a program that was killed has exit code ${code}`);
  const left = () => arena === null ? [] : membersOf(arena).filter(isRunning);
  const until = turningTime() + HANG;
  while (left().length > 0 && turningTime() < until) await pause(200);
  if (left().length > 0) stage.violate(`processes ${left()} of a tree whose first was killed ${ms} ms old still run`);
  stage.count(ROW, { operations: 1 });
}
