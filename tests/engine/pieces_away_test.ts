// Long messages whose taker lost sight of the engine before all of their pieces were there: nobody has them then, so they go back.

import { EngineUnavailableError } from "@parallel/multiprocessing";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { remotePipe } from "../../src/engine/pipe.ts";
import { RemoteQueue } from "../../src/engine/queue.ts";
import { until } from "../support/helpers.ts";
import { goesOn, type Stage, stageTest } from "../support/remote.ts";

/** An answer that is overdue for so long says that the engine is away. */
const IMPATIENT = { patience: 100, lease: 12_000 };
const LONG = "x".repeat(100_000);

/** Freezes the engine before what this thread does after its next step: before it fetches the first piece. */
function freezeBeforePieces({ session, engine }: Stage): void {
  session.before(() => session.before(() => engine.freeze()));
}

/** Waits until nothing in the tree is taken by anybody. */
async function untilNothingIsTaken({ engine }: Stage): Promise<void> {
  await until("nothing to be taken", async () => !(await engine.treeKeys()).some((key) => key.endsWith(":k")));
}

for (const onConsumerDeath of ["lose", "redeliver"] as const) {
  stageTest(`a long value of a queue goes back, "${onConsumerDeath}"`, async (stage) => {
    using queue = new RemoteQueue<string>(stage.session, 0, { onConsumerDeath });
    queue.putSync(LONG);
    await queue.put("next");
    freezeBeforePieces(stage);
    await assertRejects(() => queue.get(), EngineUnavailableError);
    await goesOn(stage);
    await untilNothingIsTaken(stage);
    freezeBeforePieces(stage);
    assertThrows(() => queue.getSync(), EngineUnavailableError);
    await goesOn(stage);
    await untilNothingIsTaken(stage);
    assertEquals([await queue.get(), await queue.get()], [LONG, "next"]);
  }, IMPATIENT);
}

stageTest("a long message of a pipe goes back", async (stage) => {
  const [a, b] = remotePipe<string>(stage.session);
  await a.send(LONG);
  const next = a.send("next"); // waits for room
  freezeBeforePieces(stage);
  await assertRejects(() => b.recv(), EngineUnavailableError);
  await goesOn(stage);
  await untilNothingIsTaken(stage);
  freezeBeforePieces(stage);
  assertThrows(() => b.recvSync(), EngineUnavailableError);
  await goesOn(stage);
  await untilNothingIsTaken(stage);
  assertEquals([await b.recv(), b.recvSync()], [LONG, "next"]);
  await next;
  a.close();
  b.close();
}, IMPATIENT);
