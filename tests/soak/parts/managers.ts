// A manager whose clients are killed while they call: processes of its tree, and programs with a tree of their own. Each
// gets the answers to its own questions; nothing of the dead is left. At the end the server is shut down, or killed while
// all call, which all must be told.

import { RawArray } from "@parallel/multiprocessing";
import { Crew } from "../crew.ts";
import { DeskManager, type DeskProxy, keep, KEY, ROWS, type Things, useAsRelative } from "../desk.ts";
import { HANG, pause, type Stage } from "../stage.ts";
import { turningTime } from "../turns.ts";
import { signalled, started, startedProgram } from "../victims.ts";

const REMOTE_USER = new URL("../remote_user.ts", import.meta.url);

export async function managers(stage: Stage): Promise<void> {
  const manager = new DeskManager({ address: ["127.0.0.1", 0], authkey: KEY, ctx: stage.context });
  const end = RawArray("i32", 1);
  const relatives = stage.random.between(2, 3);
  const all = relatives + stage.random.between(1, 2);
  let isGone = false;
  const things: { now?: Things } = {};
  const crew: Crew = new Crew(stage, ROWS, all, { most: 100, gap: 300, least: 0 }, (seat) => ({
    name: seat < relatives ? `client ${seat} of a manager` : `remote client ${seat} of a manager`,
    kind: "client",
    start: ({ path }) => {
      if (isGone) return null;
      if (seat >= relatives) return startedProgram(REMOTE_USER, JSON.stringify(manager.address), `${seat}`, path);
      return started(new stage.context.Process({ target: useAsRelative, args: [things.now as never, seat, path] }));
    },
  }));
  await stage.soon(manager.start(keep, [crew.books, end]), "the start of a manager");
  const [desk, entries, lock] = await Promise.all([manager.create("sharedDesk"), manager.dict(), manager.Lock()]);
  things.now = { desk: desk as DeskProxy, entries, lock } as Things;
  try {
    await crew.work();
    isGone = stage.random.of("end").coin();
    if (isGone) await killServer(stage, manager, crew);
    else {
      end[0] = 1;
      await crew.ended();
      for (const thing of Object.values(things.now)) thing.close();
      await shutDown(stage, manager);
    }
  } finally {
    await manager.shutdown();
  }
}

async function killServer(stage: Stage, manager: DeskManager, crew: Crew): Promise<void> {
  const { pid } = await stage.soon(manager.stats(), "the manager's figures");
  signalled(pid, "SIGKILL");
  stage.count(ROWS[0], { kills: 1 });
  await crew.ended();
  const error = await stage.soon(manager.stats().catch((error) => error), "a call of a dead server");
  stage.told(ROWS[0], error, "EOFError");
}

/** Once nobody has anything of it any more. */
async function shutDown(stage: Stage, manager: DeskManager): Promise<void> {
  const until = turningTime() + HANG;
  for (;;) {
    const { objects, clients } = await stage.soon(manager.stats(), "the manager's figures");
    if (objects === 0 && clients <= 1) break;
    if (turningTime() > until) {
      stage.violate(`${objects} objects and ${clients - 1} clients are left in the server that nobody has`);
      break;
    }
    await pause(50);
  }
  await stage.soon(manager.shutdown(), "the end of a manager");
}
