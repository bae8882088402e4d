// Random members do random steps with what waits, again, cancelled and while they are buried: the library of functions does
// as tests/support/synchronize_model.ts, and leaves nothing behind.

import fc from "fast-check";
import { assertEquals } from "@std/assert";
import type { Engine } from "../support/engine.ts";
import { BareTree } from "../support/library.ts";
import { Barrier } from "../support/barrier_model.ts";
import { assertNoObjectsLeft, modelTest } from "../support/model_runs.ts";
import { Player, type Sent } from "../support/player.ts";
import { Condition, Event, Lock, Model, type Outcome, Semaphore, type Wait } from "../support/synchronize_model.ts";

const MEMBERS = 4;
/** A step by a thread of a member. */
interface Command {
  readonly member: number;
  readonly thread: number;
  readonly action: Action;
  /** Chooses among the objects that the action is for. */
  readonly choice: number;
  readonly n: number;
}

const ACTIONS = [
  ..."acquire acquire acquire try release release release giveback".split(" "),
  ..."take takeNow give wait wait notify notify arrive arrive arrive open abort fail reset set clear await".split(" "),
  ..."again cancel cancel cancel bury close nonsense".split(" "),
] as const;
type Action = string;

const commands = fc.array(
  fc.record<Command>({
    member: fc.integer({ min: 0, max: MEMBERS - 1 }),
    thread: fc.integer({ min: 1, max: 2 }),
    action: fc.constantFrom(...ACTIONS),
    choice: fc.nat(),
    n: fc.integer({ min: 1, max: 3 }),
  }),
  { maxLength: 120, size: "max" },
);

/** The objects of a run, on the engine and in the model. */
class Run implements AsyncDisposable {
  readonly model = new Model();
  readonly tree: BareTree;
  readonly members: Player[] = [];
  readonly sent = new Map<Wait, Sent>();
  readonly answers = new Map<Player, [Sent, Outcome]>();
  locks: Lock[] = [];
  conditions: Condition[] = [];
  semaphores: Semaphore[] = [];
  events: Event[] = [];
  barriers: Barrier[] = [];

  constructor(tree: BareTree) {
    this.tree = tree;
  }

  static async begin(engine: Engine): Promise<Run> {
    const tree = await BareTree.open(engine);
    const run = new Run(tree);
    const root = new Player(tree);
    const { model } = run;
    run.members.push(root);
    while (run.members.length < MEMBERS) run.members.push(await Player.join(tree));
    run.members.forEach((_, i) => model.alive.add(i + 1));
    run.locks = [
      new Lock(model, await root.make("lock", 0), false, false),
      new Lock(model, await root.make("lock", 1), false, true),
      new Lock(model, await root.make("rlock", 0), true, false),
    ];
    for (const lock of run.locks) {
      run.conditions.push(new Condition(model, await root.make("condition", lock.id), lock));
    }
    run.semaphores = [
      new Semaphore(model, await root.make("semaphore", 1, 2147483647), 1, 2147483647),
      new Semaphore(model, await root.make("semaphore", 2, 2), 2, 2),
    ];
    run.events = [new Event(model, await root.make("event"))];
    for (const parties of [1, 2, 3]) {
      run.barriers.push(new Barrier(model, await root.make("barrier", parties), parties));
    }
    const all = [run.locks, run.conditions, run.semaphores, run.events, run.barriers].flat();
    model.things.push(...all);
    for (const [i, member] of run.members.entries()) {
      for (const thing of all) {
        if (member !== root) await member.step("adopt", thing.id);
        thing.has.add(i + 1);
      }
    }
    return run;
  }

  /** Does a command on both sides, and compares. */
  async do(command: Command): Promise<void> {
    const member = this.members[command.member];
    if (!this.model.lives(command.member + 1)) {
      if (command.action !== "acquire") return;
      const [outcome] = await member.step("lock_acquire", this.locks[0].id, 1);
      return assertEquals(outcome, "fenced");
    }
    await this.#act(command, member);
    await this.#compareMail();
  }

  async #act({ member: index, thread, action, choice, n }: Command, member: Player): Promise<void> {
    const m = index + 1;
    const pick = <T>(all: T[]): T => all[choice % all.length];
    const [lock, condition] = [pick(this.locks), pick(this.conditions)];
    const [semaphore, event, barrier] = [pick(this.semaphores), pick(this.events), pick(this.barriers)];
    const step = async (name: string, args: (string | number)[], expect: (number: number) => Outcome) => {
      const answer = await member.step(name, ...args);
      const { last } = member;
      this.answers.set(member, [last, answer]);
      const waits = new Set(this.model.waits);
      const expected = expect(last.number);
      for (const wait of this.model.waits) if (!waits.has(wait)) this.sent.set(wait, last);
      assertEquals(answer, expected, name);
    };
    const hasAction = choice % 2;
    switch (action) {
      case "acquire":
        return await step("lock_acquire", [lock.id, thread], (k) => lock.acquire(m, k, thread, true));
      case "try":
        return await step("lock_try", [lock.id, thread], (k) => lock.acquire(m, k, thread, false));
      case "release":
        return await step("lock_release", [lock.id, thread], () => lock.release(m, thread));
      case "giveback":
        if (n < 3) return;
        return await step("lock_giveback", [lock.id, thread, 7, "x", "y", "z"], () => lock.giveBack(m, thread));
      case "wait":
        return await step("condition_wait", [condition.id, thread], (k) => condition.wait(m, k, thread));
      case "notify":
        return await step("condition_notify", [condition.id, thread, n], () => condition.notify(m, thread, n));
      case "take":
        return await step("semaphore_acquire", [semaphore.id], (k) => semaphore.acquire(m, k, true));
      case "takeNow":
        return await step("semaphore_try", [semaphore.id], (k) => semaphore.acquire(m, k, false));
      case "give":
        return await step("semaphore_release", [semaphore.id, n], () => semaphore.release(n));
      case "set":
        return await step("event_set", [event.id], () => event.set());
      case "clear":
        return await step("event_clear", [event.id], () => event.clear());
      case "await":
        return await step("event_wait", [event.id], (k) => event.wait(m, k));
      case "arrive":
        return await step("barrier_wait", [barrier.id, hasAction], (k) => barrier.wait(m, k, hasAction === 1));
      case "open":
        return await step("barrier_open", [barrier.id, barrier.round], () => barrier.open(m, barrier.round));
      case "abort":
        if (choice % 4 !== 0) return;
        return await step("barrier_abort", [barrier.id], () => barrier.abort(m, null));
      case "fail":
        return await step("barrier_abort", [barrier.id, barrier.round], () => barrier.abort(m, barrier.round));
      case "reset":
        return await step("barrier_reset", [barrier.id], () => barrier.reset());
      case "again": {
        const last = this.answers.get(member);
        // What a step has answered is kept for as long as the lane has not said that it has read that.
        if (last !== undefined && last[0] === member.last) assertEquals(await member.again(last[0]), last[1]);
        return;
      }
      case "cancel": {
        const waits = [...this.sent].filter(([wait]) => wait.member === m);
        if (waits.length === 0) return;
        const [wait, sent] = pick(waits);
        const isFinal = n === 3;
        const outcome = await member.cancel(sent, isFinal);
        return assertEquals(outcome, this.model.cancel(wait, isFinal), "cancel");
      }
      case "bury":
        if (choice % 3 !== 0) return;
        await member.bury();
        return this.model.bury(m, "killed by signal 9");
      case "close": {
        if (choice % 3 !== 0) return;
        const thing = this.model.things[n * 31 % this.model.things.length];
        if (thing.has.has(m)) await step("close", [thing.id, 1], () => (thing.close(m), ["ok"]));
        return;
      }
      case "nonsense":
        return await this.#nonsense(member, choice);
    }
  }

  /** What only a broken or hostile member says: it is refused, and nothing has happened. */
  async #nonsense(member: Player, choice: number): Promise<void> {
    const { id } = this.locks[0];
    const ids = ["", "x", "1e3", "-1", "0x1", " 1", "9999999999999999", "5:w", `${id}:w`, `${id}:i`, this.events[0].id];
    const o = ids[choice % ids.length];
    const steps: [name: string, ...args: (string | number)[]][] = [
      ["lock_acquire", o, 1],
      ["lock_acquire", id, "1/2"],
      ["lock_try", o, 1],
      ["lock_release", o, 1],
      ["lock_release", id, "x"],
      ["lock_giveback", id, 1],
      ["lock_look", o],
      ["condition_wait", o, 1],
      ["condition_wait", this.conditions[0].id, "y"],
      ["condition_notify", this.conditions[0].id, 1, "many"],
      ["condition_look", o],
      ["semaphore_acquire", o],
      ["semaphore_release", this.semaphores[0].id, "1.5"],
      ["semaphore_look", o],
      ["event_wait", this.locks[0].id],
      ["event_set", this.locks[0].id],
      ["barrier_wait", o, 0],
      ["barrier_wait", this.barriers[0].id, "yes"],
      ["barrier_open", o, 0],
      ["barrier_look", o],
    ];
    assertEquals(await member.step(...steps[choice % steps.length]), ["no", "gone"]);
  }

  async #compareMail(): Promise<void> {
    for (const [i, member] of this.members.entries()) {
      if (!this.model.lives(i + 1)) continue;
      const mail = await member.mail();
      const expected = this.model.mail.get(i + 1) ?? new Map<number, Outcome>();
      this.model.mail.delete(i + 1);
      const sorted = (all: [number, ...string[]][]) => all.sort(([a], [b]) => a - b);
      assertEquals(sorted(mail), sorted([...expected].map(([number, outcome]) => [number, ...outcome])));
    }
  }

  /** Ends all members: nothing is left of any object. */
  async end(): Promise<void> {
    for (const [i, member] of this.members.entries()) {
      if (!this.model.lives(i + 1)) continue;
      await member.bury();
      this.model.bury(i + 1, "killed by signal 9");
      await this.#compareMail();
    }
    await assertNoObjectsLeft(this.tree);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tree[Symbol.asyncDispose]();
  }
}

modelTest(
  "what waits on the engine does as its model, whoever dies and whatever is sent twice",
  commands,
  (engine) => Run.begin(engine),
  30,
);
