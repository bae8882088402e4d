// Random members do random steps with dicts, lists and sets that hold each other, again and while they are buried: the library of
// functions does as tests/support/containers_model.ts, and leaves nothing behind.

import fc from "fast-check";
import { assertEquals } from "@std/assert";
import { Dict, List, TextSet, textsOf, type Value } from "../support/containers_model.ts";
import type { Engine } from "../support/engine.ts";
import { BareTree, packed } from "../support/library.ts";
import { assertNoObjectsLeft, modelTest } from "../support/model_runs.ts";
import { Player, type Sent } from "../support/player.ts";
import { Carried } from "../support/queue_model.ts";
import { Model, type Outcome } from "../support/synchronize_model.ts";

const MEMBERS = 3;
interface Command {
  readonly member: number;
  readonly action: string;
  readonly choice: number;
  readonly n: number;
  readonly at: number;
}

const ACTIONS = [
  ..."dict_set dict_set dict_set dict_update dict_get dict_has dict_delete dict_take dict_last dict_default".split(" "),
  ..."dict_clear dict_keys dict_items dict_size dict_read dict_assign dict_assign list_add list_add list_add".split(
    " ",
  ),
  ..."list_get list_set list_take list_splice list_clear list_fill list_multiply list_reverse list_slice".split(" "),
  ..."list_read list_assign list_length set_add set_add set_delete set_keep set_toggle set_first set_clear".split(" "),
  ..."set_members set_has set_size again close release bury".split(" "),
];

const commands = fc.array(
  fc.record<Command>({
    member: fc.integer({ min: 0, max: MEMBERS - 1 }),
    action: fc.constantFrom(...ACTIONS),
    choice: fc.nat({ max: 999 }),
    n: fc.integer({ min: 0, max: 3 }),
    at: fc.integer({ min: -4, max: 4 }),
  }),
  { maxLength: 120, size: "max" },
);

/** The objects of a run, on the engine and in the model. */
class Run implements AsyncDisposable {
  readonly model = new Model();
  readonly tree: BareTree;
  readonly members: Player[] = [];
  dicts: Dict[] = [];
  lists: List[] = [];
  set!: TextSet;
  event!: Carried;
  #last: [Player, Sent, Outcome] | null = null;
  #values = 0;

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
    run.dicts = [new Dict(model, await root.make("dict")), new Dict(model, await root.make("dict"))];
    run.lists = [new List(model, await root.make("list")), new List(model, await root.make("list"))];
    run.set = new TextSet(model, await root.make("set"));
    run.event = new Carried(model, await root.make("event"));
    const all = [...run.dicts, ...run.lists, run.set, run.event];
    model.things.push(...all);
    for (const [i, member] of members.entries()) {
      for (const thing of all) {
        if (member !== root) await member.step("adopt", thing.id);
        thing.arrive(i + 1);
      }
    }
    return run;
  }

  /** A value for the container: lists may have dicts in them, and dicts the set, so that none is in itself. */
  #value(choice: number, container: Dict | List): Value {
    const inside = container instanceof List ? [...this.dicts, this.set, this.event] : [this.set, this.event];
    return {
      carries: choice % 2 === 0 ? inside[choice / 2 % inside.length | 0] : null,
      bytes: `value ${++this.#values}`,
    };
  }

  async do(command: Command): Promise<void> {
    const player = this.members[command.member];
    const m = command.member + 1;
    if (!this.model.lives(m)) return;
    if (command.action === "bury") {
      if (command.choice % 4 !== 0) return;
      await player.bury();
      return this.model.bury(m, "killed by signal 9");
    }
    if (command.action === "again") {
      if (this.#last?.[0] === player) assertEquals(await player.again(this.#last[1]), this.#last[2], "again");
      return;
    }
    const [words, expected] = this.#step(command, m);
    if (words === null) return;
    const [name, ...args] = words;
    const answer = await player.step(name as string, ...args);
    this.#last = [player, player.last, answer];
    assertEquals(answer, expected(), `${words}`);
  }

  /** The step, and what it is to answer. */
  #step(
    { action, choice, n, at }: Command,
    m: number,
  ): [words: [string, ...(string | number | Uint8Array)[]], () => Outcome] | [null, null] {
    const dict = this.dicts[choice % 2];
    const list = this.lists[choice % 2];
    const { set, event } = this;
    const key = `key ${choice % 3}`;
    const texts = Array.from({ length: n }, (_, i) => `text ${(choice + i * i) % 5}`);
    const values = (container: Dict | List) => Array.from({ length: n }, (_, i) => this.#value(choice + i, container));
    const many = (all: readonly Value[]) => packed(...all.flatMap(textsOf));
    const d = dict.id;
    const l = list.id;
    switch (action) {
      case "dict_set": {
        const value = this.#value(choice, dict);
        return [[action, d, key, ...textsOf(value)], () => dict.set(key, value)];
      }
      case "dict_update": {
        const pairs = values(dict).map((value, i): [string, Value] => [`key ${(choice + i) % 4}`, value]);
        const words = packed(...pairs.flatMap(([key, value]) => [key, ...textsOf(value)]));
        return [[action, d, words], () => dict.update(pairs)];
      }
      case "dict_get":
        return [[action, d, key], () => dict.get(m, key)];
      case "dict_has":
        return [[action, d, key], () => dict.gone ? ["no", "gone"] : ["ok", dict.keys.has(key) ? "1" : "0"]];
      case "dict_delete":
        return [[action, d, key], () => dict.delete(key)];
      case "dict_take":
        return [[action, d, key], () => dict.take(m, key)];
      case "dict_last":
        return [[action, d], () => dict.last(m)];
      case "dict_default": {
        const value = this.#value(choice, dict);
        return [[action, d, key, ...textsOf(value)], () => dict.default(m, key, value)];
      }
      case "dict_clear":
        return [[action, d], () => dict.clear()];
      case "dict_keys":
        return [[action, d], () => dict.gone ? ["no", "gone"] : ["ok", ...dict.keys.keys()]];
      case "dict_items":
        return [[action, d], () => dict.items(m)];
      case "dict_size":
        return [[action, d], () => dict.size()];
      case "dict_read":
        return [[action, d, key], () => dict.read(m, key)];
      case "dict_assign": {
        const value = this.#value(choice, dict);
        const known = n === 0 ? "0" : dict.version(key);
        return [[action, d, key, known, ...textsOf(value)], () => dict.assign(m, key, known, value)];
      }
      case "list_length":
        return [[action, l], () => list.gone ? ["no", "gone"] : ["ok", `${list.items.length}`]];
      case "list_get":
        return [[action, l, at], () => list.get(m, at)];
      case "list_set": {
        const value = this.#value(choice, list);
        return [[action, l, at, ...textsOf(value)], () => list.set(at, value)];
      }
      case "list_add": {
        const where = choice % 3 === 0 ? "beginning" : "end";
        const all = values(list);
        return [[action, l, where, many(all)], () => list.add(where, all)];
      }
      case "list_take": {
        const known = n === 0 ? null : n === 1 ? "0" : `${list.stamp}`;
        return [[action, l, at, ...known === null ? [] : [known]], () => list.take(m, at, known)];
      }
      case "list_splice": {
        const all = values(list);
        const count = choice % 4 - 1;
        return [[action, l, at, count, many(all)], () => list.splice(m, at, count, all)];
      }
      case "list_clear":
        return [[action, l], () => list.clear()];
      case "list_fill": {
        const value = this.#value(choice, list);
        return [[action, l, at, n, ...textsOf(value)], () => list.fill(at, n, value)];
      }
      case "list_multiply":
        if (list.items.length * n > 40) return [null, null];
        return [[action, l, n - 1], () => list.multiply(n - 1)];
      case "list_reverse":
        return [[action, l], () => list.reverse()];
      case "list_slice":
        return [[action, l, at, n], () => list.slice(m, at, n)];
      case "list_read":
        return [[action, l, n === 0 ? "" : at], () => list.read(m, n === 0 ? null : at)];
      case "list_assign": {
        const isWhole = choice % 3 === 0;
        const all = isWhole ? values(list) : [this.#value(choice, list)];
        const place = at < 0 ? at + list.items.length : at;
        const version = isWhole ? list.stamp : list.items[place]?.stamp ?? 0;
        const known = n === 3 ? "0" : `${version}`;
        const index = isWhole ? null : at;
        return [[action, l, index ?? "", known, many(all)], () => list.assign(m, index, known, all)];
      }
      case "set_add":
      case "set_delete":
      case "set_keep":
      case "set_toggle": {
        // To be toggled, each is there once.
        const chosen = action === "set_toggle" ? [...new Set(texts)] : texts;
        return [[action, set.id, packed(...chosen)], () => set.change(action.slice(4), chosen)];
      }
      case "set_first":
        return [[action, set.id], () => set.first()];
      case "set_clear":
        return [[action, set.id], () => set.change("keep", [])];
      case "set_members":
        return [[action, set.id], () => set.members()];
      case "set_has":
        return [[action, set.id, `text ${n}`], () => set.holds(`text ${n}`)];
      case "set_size":
        return [[action, set.id], () => set.gone ? ["no", "gone"] : ["ok", `${set.texts.size}`]];
      case "close": {
        const all = [...this.dicts, ...this.lists, set, event];
        const thing = all[choice % all.length];
        if (choice % 3 !== 0 || !thing.has.has(m)) return [null, null];
        const count = thing.arrivals.get(m)!;
        return [["close", thing.id, count], () => (thing.leave(m, count), ["ok"])];
      }
      default: {
        const things = [event, set, dict].filter((it) => it.has.has(m));
        if (things.length === 0) return [null, null];
        const thing = things[choice % things.length];
        return [["close", thing.id, 1], () => (thing.leave(m, 1), ["ok"])];
      }
    }
  }

  /** As many have each object as the model says, and there are as many containers. */
  async #compareState(): Promise<void> {
    for (const thing of this.model.things) {
      const refs = await this.tree.engine.command("GET", `${this.tree.prefix}refs:${thing.id}`);
      assertEquals(Number(refs ?? 0), thing.gone ? 0 : thing.has.size + thing.shares, `who has ${thing.id}`);
    }
    const count = this.model.things.filter((it) => !it.gone && it !== this.event).length;
    assertEquals(await this.tree.look("containers"), ["ok", `${count}`]);
  }

  /** Ends all members: nothing is left of any object. */
  async end(): Promise<void> {
    await this.#compareState();
    for (const [i, member] of this.members.entries()) {
      if (!this.model.lives(i + 1)) continue;
      if (i === this.members.length - 1) await this.#compareState();
      await member.bury();
      this.model.bury(i + 1, "killed by signal 9");
    }
    await assertNoObjectsLeft(this.tree);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tree[Symbol.asyncDispose]();
  }
}

modelTest(
  "containers on the engine do as their model, whoever dies and whatever is sent twice",
  commands,
  (engine) => Run.begin(engine),
);
