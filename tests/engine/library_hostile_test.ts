// Members that send nonsense: every function of the library with arguments of any kind. A function may refuse, or err
// before it has written anything, since Redis takes nothing back; never may it err behind that.

import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { engineTest } from "../support/engine.ts";
import { BareTree, LIBRARY, libraryText, PREFIX } from "../support/library.ts";
import { Player } from "../support/player.ts";
import type { Reply } from "../support/resp.ts";

/** What is no argument that any function wants, or is that of another one. */
const NONSENSE = [
  "",
  " ",
  "x",
  "0",
  "1",
  "2",
  "-1",
  "1.5",
  "1e3",
  "0x10",
  "nan",
  "inf",
  "9".repeat(15),
  "9".repeat(30),
];
const ODD_IDS = [
  "1:w",
  "1:i",
  "alive",
  "1 2",
  "1 1",
  "1|1/0#1",
  "lock",
  "pool",
  "\0",
  "ÿ",
  "1/0#1",
  "1/1",
  "{}",
  "%d+",
  "lock",
  "list",
  "\0\0\0\0x",
  "\0\x01\0\0b 1",
];

/** The functions of the library: the steps of members, which are named first, and the looks of anybody. */
async function functionsOf(tree: BareTree): Promise<string[]> {
  const libraries = await tree.engine.command("FUNCTION", "LIST", "LIBRARYNAME", LIBRARY) as Reply[][];
  const [library] = libraries;
  const functions = library[library.indexOf("functions") + 1] as Reply[][];
  return functions.map((it) => `${it[it.indexOf("name") + 1]}`.replace(PREFIX, "")).sort();
}

/** What there is for them to be told of. */
const OBJECTS: readonly (readonly [kind: string, ...args: (string | number)[]])[] = [
  ...[["lock", 0], ["rlock", 1], ["semaphore", 1, 3], ["event"], ["barrier", 2]] as const,
  ...[["dict"], ["list"], ["set"], ["queue", 0, "lose", 3], ["joinable", 2, "throw", 3]] as const,
  ...[["pool", 0], ["process", 0, "1"], ["pipe"], ["connection", "both"]] as const,
];

/** Parts of objects: \`3:r\` is the list of a queue. Each is there, and is no object. */
async function keysInside(tree: BareTree, ids: string[]): Promise<string[]> {
  const root = tree.lane(1, 7);
  for (const id of ids) {
    for (const step of ["put", "dict_set", "list_append", "set_add"]) {
      await root.step(step, id, 0, "\0\0\0\0x").catch(() => {});
    }
  }
  return (await tree.keys()).flatMap((key) => key.match(/^o:(.+)$/)?.[1] ?? []).filter((it) => !ids.includes(it));
}

/** Those that begin or end trees and members at the word of anybody, which is what they are for. */
const OF_OTHERS = ["bury", "clear", "greet", "leave", "open", "reap", "beat"];

engineTest("no function of the library errs behind a write, whatever it is told", async (engine) => {
  await using tree = await BareTree.open(engine);
  const functions = (await functionsOf(tree)).filter((it) => !OF_OTHERS.includes(it));
  const player = await Player.join(tree);
  player.memory = Infinity; // the frame forgets no answers then
  await player.step("event_look", "0"); // the lane is known
  const root = new Player(tree);
  const ids: string[] = [];
  for (const [kind, ...args] of OBJECTS) ids.push(await root.make(kind, ...args));
  ids.push(await root.make("condition", ids[0]));
  const argument = fc.constantFrom(...ids, ...ids, ...ids, ...NONSENSE, ...ODD_IDS, ...(await keysInside(tree, ids)));
  const digest = () => engine.command("DEBUG", "DIGEST");
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...functions), fc.array(argument, { maxLength: 6 }), async (name, args) => {
      const before = await digest();
      const call = player.step(name, ...args).then(() => true, (error: Error) => error.message);
      const outcome = await call;
      const told = `${name} ${Deno.inspect(args)}: ${outcome}`;
      if (outcome !== true) assertEquals(await digest(), before, told);
      assert(!told.includes("WRONGTYPE"), told); // whoever names a key of an object names no object
    }),
    { numRuns: Number(Deno.env.get("MP_MODEL_RUNS") ?? 600), endOnFailure: false },
  );
  assertEquals((await tree.look("member", player.member) as string[])[1], "1", "it lives, so its steps were done");
});

Deno.test("no kind of object and no function of the library is defined twice", () => {
  for (const defined of [/^\s*kinds\.(\w+) = /gm, /^\s*(?:step|look)\("(\w+)"/gm]) {
    const names = Array.from(libraryText().matchAll(defined), ([, name]) => name);
    assert(names.length > 10);
    assertEquals(names.filter((name, i) => names.indexOf(name) !== i), []);
  }
});

engineTest(
  "a lane that has the answers of millions of steps costs no more than what there is of them",
  async (engine) => {
    await using tree = await BareTree.open(engine);
    for (const number of [1, 2, 3]) assertEquals(await tree.look("event_look", 1, 0, number, 1, "0"), ["no", "gone"]);
    const last = "9".repeat(15);
    assertEquals(await tree.look("event_look", 1, 0, last, last, "0"), ["no", "gone"]);
    const fields = await engine.command("HKEYS", `${tree.prefix}rq:1/0`) as string[];
    assertEquals(fields.sort(), [last, "low", "top"]);
    assertEquals(await tree.look("event_look", 1, 0, 3, 1, "0"), ["stale"]);
  },
);
