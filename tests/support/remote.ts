// The root of a tree on an engine, beside members that the test plays itself (tests/support/player.ts).

import { EngineUnavailableError } from "@parallel/multiprocessing";
import type { SessionSettings } from "../../src/engine/native_session.ts";
import type { Session } from "../../src/engine/session.ts";
import { type Engine, engineTest } from "./engine.ts";
import { until } from "./helpers.ts";
import { BareTree } from "./library.ts";
import { Player } from "./player.ts";
import { rootOf } from "./sessions.ts";

/** What a test has: the session of this process, and the tree for others to be played in. */
export interface Stage {
  readonly engine: Engine;
  readonly session: Session;
  /** Another member, which is buried in the end if it was not before. */
  join(): Promise<Player>;
}

/**
 * The engine goes on, and has answered a promise and a thread that blocks: until then, who has less patience than a
 * connection takes is told that it is away.
 */
export async function goesOn({ engine, session }: Stage): Promise<void> {
  engine.thaw();
  await until("an answer to a promise", () => isAnswered(() => session.send("close")));
  await until("an answer to the thread", () => isAnswered(() => session.step("close")));
}

/** Whether the engine has done something; it may be away. */
export async function isAnswered(step: () => unknown): Promise<boolean> {
  try {
    await step();
    return true;
  } catch (error) {
    if (error instanceof EngineUnavailableError) return false;
    throw error;
  }
}

/** A test of what this process does in a tree while others do as it wants. */
export function stageTest(
  name: string,
  run: (stage: Stage) => Promise<void> | void,
  settings: Partial<SessionSettings> = {},
): void {
  engineTest(name, async (engine) => {
    const session = rootOf(engine, { lease: 3_600_000, ...settings });
    const tree = BareTree.of(engine, session.tree);
    const players: Player[] = [];
    const join = async () => {
      const player = await Player.join(tree);
      players.push(player);
      return player;
    };
    try {
      await run({ engine, session, join });
    } finally {
      for (const player of players) await player.bury();
      session.close();
      // How they have ended is known for a day.
      for (const player of players) await engine.command("UNLINK", `${tree.prefix}p:${player.member}`);
    }
  });
}
