// The root of a tree on an engine, beside members that the test plays itself (tests/support/player.ts).

import type { Session, SessionSettings } from "../../src/engine/session.ts";
import { type Engine, engineTest } from "./engine.ts";
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
