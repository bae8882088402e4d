// Processes that come and go, by either start method: each ends with the code that it is told to, or is killed at some
// moment, mostly before it has begun. join() comes to its end, and the exit code is the right one.

import { exit } from "../../fixtures/targets.ts";
import { pause, type Stage } from "../stage.ts";
import { started } from "../victims.ts";
import { getContext } from "@parallel/multiprocessing";

/** The most at a time. */
const MOST = 4;
/** The latest moment of a kill, in milliseconds: where it may be over already. */
const LATEST = 150;
/** Milliseconds between two crowds. */
const GAP = 200;

export async function processes(stage: Stage): Promise<void> {
  for (let crowd = 0; !stage.isOver(); crowd++) {
    const random = stage.random.of("crowd", crowd);
    const lives = Array.from({ length: random.between(1, MOST) }, (_, i) => life(stage, random.of(i)));
    await stage.soon(Promise.all(lives), "the end of processes");
    await pause(GAP);
  }
}

async function life(stage: Stage, random: Stage["random"]): Promise<void> {
  const { Process } = getContext(random.pick(["spawn", "forkserver"]));
  const code = random.below(3);
  const victim = started(new Process({ target: exit, args: [code] }));
  const isToDie = random.coin();
  if (isToDie) {
    await pause(random.below(LATEST));
    victim.signal("SIGKILL");
    stage.count("Process", { kills: 1 });
  }
  const end = await victim.ended;
  if (end !== code && !(isToDie && end === -9)) {
    stage.violate(`a process that was to exit with ${code} has exit code ${end}`);
  }
  stage.count("Process", { operations: 1 });
}
