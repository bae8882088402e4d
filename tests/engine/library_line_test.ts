// Lines of waiters in the library, where a member that waits very often is buried: in portions, which nobody waits for.

import { assertEquals } from "@std/assert";
import { engineTest } from "../support/engine.ts";
import { BareTree } from "../support/library.ts";
import { Player } from "../support/player.ts";

/** More than is dealt with in one step. */
const MANY = 1500;

engineTest(
  "who waits behind the many waits of the dead is next, though they are buried in portions",
  async (engine) => {
    await using tree = await BareTree.open(engine);
    const root = new Player(tree);
    const [dead, other] = [await Player.join(tree), await Player.join(tree)];
    const lock = await root.make("lock", 0);
    const condition = await root.make("condition", lock);
    const semaphore = await root.make("semaphore", 0, 5);
    const event = await root.make("event");
    for (const player of [dead, other]) await player.step("adopt", lock, condition, semaphore, event);
    await root.step("lock_acquire", lock, 1);
    for (let i = 0; i < MANY; i += 3) {
      await dead.step("lock_acquire", lock, 1);
      await dead.step("semaphore_acquire", semaphore);
      await dead.step("event_wait", event);
    }
    const numbers: number[] = [];
    for (const [name, id] of [["lock_acquire", lock], ["semaphore_acquire", semaphore], ["event_wait", event]]) {
      assertEquals(await other.step(name, id, 1), ["later"]);
      numbers.push(other.last.number);
    }
    await dead.bury();
    await root.step("lock_release", lock, 1);
    await root.step("semaphore_release", semaphore, 1);
    await root.step("event_set", event);
    assertEquals((await other.mail()).map(([number, outcome]) => [number, outcome]), numbers.map((it) => [it, "ok"]));
    // Whoever beats goes on with the burial.
    await tree.look("beat", root.member);
    const left = new RegExp(`^o:\\d+:[wi]$|^(waits|holds|has|lanes):${dead.member}$|^(rq|mb):${dead.member}/`);
    assertEquals((await tree.keys()).filter((key) => left.test(key)), []);
  },
);

engineTest("a condition's waits that were notified and then buried together pass all of it on", async (engine) => {
  await using tree = await BareTree.open(engine);
  const root = new Player(tree);
  const dead = await Player.join(tree);
  const lock = await root.make("lock", 0);
  const condition = await root.make("condition", lock);
  await dead.step("adopt", lock, condition);
  const wait = async (player: Player) => {
    assertEquals((await player.step("lock_acquire", lock, 1))[0], "ok");
    assertEquals(await player.step("condition_wait", condition, 1), ["later"]);
    return player.last.number;
  };
  // Two of the dead are notified at different times; of those that wait, one came before both, one between them.
  await wait(dead);
  await wait(dead);
  const first = await wait(root);
  await root.step("lock_acquire", lock, 1);
  assertEquals(await root.step("condition_notify", condition, 1, 1), ["ok", "1"]);
  await root.step("lock_release", lock, 1); // the dead one has it, and releases it
  await dead.step("lock_release", lock, 1);
  await wait(dead);
  const second = await wait(root);
  await root.step("lock_acquire", lock, 1);
  assertEquals(await root.step("condition_notify", condition, 1, 1), ["ok", "1"]); // an old one of the dead
  await dead.bury();
  await root.step("lock_release", lock, 1);
  assertEquals((await root.mail()).map(([number, , notified]) => [number, notified]), [[first, "1"]]);
  assertEquals((await root.step("condition_look", condition))[1], "1");
  await root.step("condition_notify", condition, 1, 1);
  await root.step("lock_release", lock, 1);
  assertEquals((await root.mail()).map(([number]) => number), [second]);
});
