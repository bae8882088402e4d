// Connections that are half open: what is sent over them vanishes, and nothing says so, as where a cable is out or a firewall
// has forgotten them. An answer that is overdue tells. New ones are made, and nothing is done twice.

import { assert, assertEquals } from "@std/assert";
import { RemoteQueue } from "../../src/engine/queue.ts";
import type { Session } from "../../src/engine/session.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { PATIENCE } from "../support/helpers.ts";
import { BareTree } from "../support/library.ts";
import { Player } from "../support/player.ts";
import type { Direction } from "../support/proxy.ts";
import { WorkerProxy } from "../support/proxy_worker.ts";
import { rootOf } from "../support/sessions.ts";

/** An answer of the mailbox is overdue a quarter of it, and two seconds, after it was asked for. */
const LEASE = 4_000;

/** A test with a session whose connections may be swallowed. Others look at the engine beside it. */
function halfOpenTest(
  name: string,
  run: (proxy: WorkerProxy, session: Session, engine: Engine) => Promise<void>,
): void {
  engineTest(`half-open: ${name}`, async (engine) => {
    using proxy = await WorkerProxy.start({ hostname: "127.0.0.1", port: engine.port });
    const session = rootOf({ url: proxy.url }, { lease: LEASE, patience: 10 * PATIENCE, beats: false });
    try {
      await run(proxy, session, engine);
    } finally {
      session.close();
    }
  });
}

/** Both directions: each test takes some 10 s. */
const ALL = Deno.env.has("EVERY_HALF");
const DIRECTIONS: readonly Direction[] = ["up", "down"];

for (const direction of DIRECTIONS) {
  if (!ALL && direction === "up") continue; // downwards the step is done, and must not be done again
  halfOpenTest(`promises go on over another connection, ${direction}wards`, async (proxy, session) => {
    using queue = new RemoteQueue<number>(session);
    await queue.put(1);
    const before = await proxy.connections();
    await proxy.swallow(direction);
    const puts = [2, 3, 4].map((n) => queue.put(n));
    await Promise.all(puts);
    assert(await proxy.connections() > before);
    const got: number[] = [];
    while (!queue.empty()) got.push(await queue.get());
    assertEquals(got, [1, 2, 3, 4]);
  });

  halfOpenTest(`a thread that blocks goes on over another connection, ${direction}wards`, async (proxy, session) => {
    using queue = new RemoteQueue<number>(session);
    queue.putSync(1);
    await proxy.swallow(direction);
    queue.putSync(2);
    const got = [queue.getSync(), queue.getSync()];
    assertEquals([...got, queue.qsize()], [1, 2, 0]);
  });

  halfOpenTest(
    `a wait hears of its outcome over another mailbox, ${direction}wards`,
    async (proxy, session, engine) => {
      const event = session.step("make", "event", "").text(0);
      const waiting = session.wait("event_wait", [event], { timeout: Infinity });
      await session.send("event_look", event); // it waits in the engine now
      await proxy.swallow(direction);
      const other = await Player.join(BareTree.of(engine, session.tree));
      await other.step("event_set", event);
      assertEquals((await waiting)?.refusal, null);
      await other.bury();
      await engine.command("UNLINK", `mp:{${session.tree}}:p:${other.member}`);
    },
  );
}
