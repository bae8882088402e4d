// Random members do random steps with queues of all kinds, again, cancelled and while they are buried: the library of functions
// does as tests/support/queue_model.ts, and leaves nothing behind.

import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import type { Engine } from "../support/engine.ts";
import { BareTree } from "../support/library.ts";
import { assertNoObjectsLeft, modelTest } from "../support/model_runs.ts";
import { Player, type Sent } from "../support/player.ts";
import { Carried, type Kind, type Message, Queue, recordOf } from "../support/queue_model.ts";
import { Model, type Outcome, type Wait } from "../support/synchronize_model.ts";

const MEMBERS = 4;
const KINDS: readonly Kind[] = [
  { counts: false, max: 0, policy: "lose", most: 255 },
  { counts: false, max: 2, policy: "redeliver", most: 2 },
  { counts: true, max: 0, policy: "redeliver", most: 3 },
  { counts: true, max: 1, policy: "lose", most: 2 },
  { counts: true, max: 3, policy: "throw", most: 1 },
];

interface Command {
  readonly member: number;
  readonly action: string;
  /** Chooses among the queues, and more. */
  readonly choice: number;
  readonly n: number;
}

const ACTIONS = [
  ..."put put put put many get get get get land land unget done done join lost size shut again cancel cancel".split(
    " ",
  ),
  ..."release bury bury close nonsense".split(" "),
];

const commands = fc.array(
  fc.record<Command>({
    member: fc.integer({ min: 0, max: MEMBERS - 1 }),
    action: fc.constantFrom(...ACTIONS),
    choice: fc.nat({ max: 999 }),
    n: fc.integer({ min: 0, max: 3 }),
  }),
  { maxLength: 120, size: "max" },
);

/** The objects of a run, on the engine and in the model. */
class Run implements AsyncDisposable {
  readonly model = new Model();
  readonly tree: BareTree;
  readonly members: Player[] = [];
  readonly queues: Queue[] = [];
  carried!: Carried;
  readonly #sent = new Map<Wait, Sent>();
  readonly #answers = new Map<Player, [Sent, Outcome]>();
  /** How the library calls the takes of each queue. */
  readonly #takes = new Map<Queue, Map<number, string>>();
  #bodies = 0;

  constructor(tree: BareTree) {
    this.tree = tree;
  }

  static async begin(engine: Engine): Promise<Run> {
    const run = new Run(await BareTree.open(engine));
    const { tree, model, members } = run;
    const root = new Player(tree);
    members.push(root);
    while (members.length < MEMBERS) members.push(await Player.join(tree));
    members.forEach((_, i) => model.alive.add(i + 1));
    for (const kind of KINDS) {
      const { counts, max, policy, most } = kind;
      const id = await root.make(counts ? "joinable" : "queue", max, policy, most);
      run.queues.push(new Queue(model, id, kind));
    }
    run.carried = new Carried(model, await root.make("event"));
    model.things.push(...run.queues, run.carried);
    for (const [i, member] of members.entries()) {
      for (const thing of model.things) {
        if (member !== root) await member.step("adopt", thing.id);
        thing.has.add(i + 1);
      }
      run.carried.arrivals.set(i + 1, 1);
    }
    return run;
  }

  /** Fails unless the answer is as expected; takes are called by names of the library. */
  #compare(queue: Queue, answer: Outcome, expected: Outcome, what: string): void {
    const named = [...expected];
    for (const [i, it] of expected.entries()) {
      const number = it.match(/^take (\d+)$/)?.[1];
      if (number === undefined || answer[i] === undefined) continue;
      let takes = this.#takes.get(queue);
      if (takes === undefined) this.#takes.set(queue, takes = new Map());
      takes.set(Number(number), answer[i]);
      named[i] = answer[i];
    }
    assertEquals(answer, named, what);
  }

  async do(command: Command): Promise<void> {
    const member = this.members[command.member];
    if (!this.model.lives(command.member + 1)) {
      if (command.action !== "size") return;
      return assertEquals((await member.step("size", this.queues[0].id))[0], "fenced");
    }
    await this.#act(command, member);
    await this.#compareMail();
  }

  #message(choice: number): Message {
    return { body: `body ${++this.#bodies}`, carries: choice % 3 === 0 ? this.carried : null, deliveries: 0 };
  }

  async #act({ member: index, action, choice, n }: Command, member: Player): Promise<void> {
    const m = index + 1;
    const queue = this.queues[choice % this.queues.length];
    const { id } = queue;
    const step = async (name: string, args: (string | number)[], expect: (number: number) => Outcome) => {
      const answer = await member.step(name, ...args);
      const { last } = member;
      this.#answers.set(member, [last, answer]);
      const waits = new Set(this.model.waits);
      const expected = expect(last.number);
      for (const wait of this.model.waits) if (!waits.has(wait)) this.#sent.set(wait, last);
      this.#compare(queue, answer, expected, `${name} ${args.join(" ")}`);
    };
    // Takes of this member, or what it may take for such: of others, or that are over.
    const some = (count: number) => {
      const all = [...this.#takes.get(queue) ?? []];
      const mine = all.filter(([number]) => queue.takes.some((it) => it.number === number && it.member === m));
      const chosen = choice % 7 === 0 ? all.slice(-count) : mine.slice(0, count);
      return { numbers: chosen.map(([number]) => number), ids: chosen.map(([, id]) => id) };
    };
    switch (action) {
      case "put": {
        const message = this.#message(choice);
        return await step("put", [id, n, recordOf(message)], (k) => queue.put(m, k, n, message));
      }
      case "many": {
        const messages = Array.from({ length: n }, (_, i) => this.#message(choice + i));
        return await step("putMany", [id, ...messages.map(recordOf)], () => queue.putMany(messages));
      }
      case "get": {
        const { numbers, ids } = some(n);
        const most = 1 + choice % 2;
        return await step("get", [id, n, most, 1e6, ...ids], (k) => queue.get(m, k, n, most, numbers));
      }
      case "land": {
        const { numbers, ids } = some(n);
        await this.tree.look("landed", m, id, ...ids);
        queue.land(m, numbers);
        return;
      }
      case "unget": {
        const { numbers, ids } = some(1 + n % 2);
        return await step("unget", [id, ...ids], () => queue.unget(m, numbers));
      }
      case "done":
        return await step("taskDone", [id], () => queue.taskDone(m));
      case "join":
        return await step("joinTasks", [id, n], (k) => queue.join(m, k, n));
      case "lost":
        return await step("lost", [id], () => queue.takeLost(m));
      case "size":
        return await step("size", [id], () => queue.size());
      case "shut":
        if (choice % 4 !== 0) return;
        return await step("shutdown", [id, n % 2], () => queue.shutdown(n % 2 === 1));
      case "again": {
        const last = this.#answers.get(member);
        if (last !== undefined && last[0] === member.last) assertEquals(await member.again(last[0]), last[1]);
        return;
      }
      case "cancel": {
        const waits = [...this.#sent].filter(([wait]) => wait.member === m);
        if (waits.length === 0) return;
        const [wait, sent] = waits[choice % waits.length];
        const outcome = await member.cancel(sent);
        return assertEquals(outcome, this.model.cancel(wait), "cancel");
      }
      case "release": {
        if (!this.carried.has.has(m)) return;
        return await step("close", [this.carried.id, 1], () => (this.carried.leave(m, 1), ["ok"]));
      }
      case "bury":
        if (choice % 3 !== 0) return;
        await member.bury();
        return this.model.bury(m, "killed by signal 9");
      case "close":
        if (choice % 3 !== 0 || !queue.has.has(m)) return;
        return await step("close", [id, 1], () => (queue.close(m), ["ok"]));
      case "nonsense":
        return await this.#nonsense(member, choice);
    }
  }

  /** What only a broken or hostile member says: it is refused, and nothing has happened. */
  async #nonsense(member: Player, choice: number): Promise<void> {
    const { id } = this.queues[2];
    const steps: [name: string, ...args: (string | number)[]][] = [
      ["put", "", 0, "\0\0\0\0x"],
      ["put", this.carried.id, 0, "\0\0\0\0x"],
      ["get", "x", 0, 1, 1],
      ["taskDone", this.queues[0].id],
      ["joinTasks", this.carried.id, 0],
      ["unget", `${id}x`, "1"],
      ["make", "queue", "", 0, "throw", 1],
      ["make", "joinable", "", -1, "lose", 1],
      ["make", "joinable", "", 0, "lose", 256],
    ];
    const malformed: [name: string, ...args: (string | number)[]][] = [
      ["put", id, 0, "x"],
      ["put", id, 0, "\u0001\0\0\0x"],
      ["put", id, 0, "\0\0\0\u0009x"],
      ["put", id, 0, "\0\0\0\u0001xx"],
      ["put", id, 0, "\0\u0001\0\0nowhere 1"],
    ];
    const isIll = choice % 2 === 1;
    const all = isIll ? malformed : steps;
    const answer = await member.step(...all[choice % all.length]);
    assertEquals(answer[0], "no");
    assert(["gone", "malformed"].includes(answer[1]), `${answer}`);
  }

  async #compareMail(): Promise<void> {
    for (const [i, member] of this.members.entries()) {
      if (!this.model.lives(i + 1)) continue;
      const mail = new Map((await member.mail()).map(([number, ...answer]) => [number, answer]));
      const expected = this.model.mail.get(i + 1) ?? new Map<number, Outcome>();
      this.model.mail.delete(i + 1);
      assertEquals([...mail.keys()].sort(), [...expected.keys()].sort(), `who is answered at ${i + 1}`);
      for (const [number, answer] of mail) {
        const [wait] = [...this.#sent].find(([wait, sent]) => wait.member === i + 1 && sent.number === number)!;
        this.#compare(wait.object as Queue, answer, expected.get(number)!, "by mail");
      }
    }
  }

  /** As many have each object, and as many messages wait for room, as the model says. */
  async #compareState(): Promise<void> {
    const { engine, prefix } = this.tree;
    for (const thing of this.model.things) {
      const refs = await engine.command("GET", `${prefix}refs:${thing.id}`);
      assertEquals(Number(refs ?? 0), thing.gone ? 0 : thing.has.size + thing.shares, `who has ${thing.id}`);
      if (!(thing instanceof Queue) || thing.gone) continue;
      assertEquals(await engine.command("HLEN", `${prefix}o:${thing.id}:pk`), thing.putters.length, "parked");
    }
  }

  /** Ends all members: nothing is left of any object. */
  async end(): Promise<void> {
    await this.#compareState();
    for (const [i, member] of this.members.entries()) {
      if (!this.model.lives(i + 1)) continue;
      await member.bury();
      this.model.bury(i + 1, "killed by signal 9");
      await this.#compareMail();
      await this.#compareState();
    }
    await assertNoObjectsLeft(this.tree);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tree[Symbol.asyncDispose]();
  }
}

modelTest(
  "queues on the engine do as their model, whoever dies and whatever is sent twice",
  commands,
  (engine) => Run.begin(engine),
);
