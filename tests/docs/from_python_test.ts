// docs/from-python.md: the names are those of the package and of CPython, and the type codes are what they are said to be.

import * as mp from "@parallel/multiprocessing";
import * as context from "@parallel/multiprocessing/context";
import * as managers from "@parallel/multiprocessing/managers";
import * as reduction from "@parallel/multiprocessing/reduction";
import * as shared_memory from "@parallel/multiprocessing/shared_memory";
import { assert, assertEquals } from "@std/assert";
import configuration from "../../deno.json" with { type: "json" };
import { Document, ROOT } from "./markdown.ts";

const document = new Document("docs/from-python.md");
const names = document.rows("Names");
/** Objects of the classes some members of which are not those of the prototype. */
const OBJECTS: Record<string, () => object> = {
  Process: () => new mp.Process(),
  BufferTooShort: () => new mp.BufferTooShort("", { bytes: new Uint8Array() }),
  MaybeEncodingError: () => new mp.MaybeEncodingError("", ""),
  Synchronized: () => mp.Value("i"),
  SynchronizedArray: () => mp.Array("i", 1),
  SynchronizedString: () => mp.Array("c", 1),
};

/** The names in backticks in a cell. */
function codes(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code);
}

/** The members in a row, those that it takes over from the class of another row among them. */
function membersOf([, here, members]: string[]): string[] {
  const taken = members.match(/^those of `(\w+)`,?/);
  const own = codes(members.slice(taken?.[0].length ?? 0)).filter((name) => /^\w+$/.test(name));
  if (taken === null) return own;
  const other = names.find((row) => row[1] === `\`${taken[1]}\``);
  if (other === undefined) throw new Error(`${here} takes members of ${taken[1]}, which has no row`);
  return [...membersOf(other), ...own];
}

const camelCase = (name: string) => name.replace(/(?<=.)_(.)/g, (_, letter) => letter.toUpperCase());

Deno.test("from-python: every name and member here exists", () => {
  // SharedMemoryManager is in another module here.
  const modules: Record<string, Record<string, unknown>> = {
    ...{ context, reduction, shared_memory },
    managers: { ...managers, ...shared_memory },
  };
  for (const row of names) {
    const [name] = codes(row[1]);
    const module = modules[codes(row[0])[0].split(".")[0]] ?? mp;
    const members = membersOf(row);
    // Of a class that only functions make, the package exports the type.
    const found = (module as Record<string, unknown>)[name] ?? OBJECTS[name]?.();
    assert(found !== undefined, `${name} is not exported`);
    const object = OBJECTS[name]?.() ?? (typeof found === "function" ? found.prototype : found);
    // Functions of a class itself count, too.
    const isThere = (it: string) => it in object || it in Object(found) && !(it in Function.prototype);
    assertEquals(members.filter((member) => !isThere(member)), [], name);
  }
});

Deno.test("from-python: the names are Python's, with underscores turned to camelCase", () => {
  for (const [python, here] of names) {
    const [name] = codes(python).map((code) => camelCase(code.split(".").at(-1)!));
    assertEquals(codes(here)[0].toLowerCase(), name.toLowerCase());
  }
});

Deno.test("from-python: every class and function that the package exports has its row", async () => {
  const entries = [...new Set(Object.values(configuration.exports))];
  const modules = await Promise.all(entries.map((entry) => import(new URL(entry, ROOT).href)));
  const exported = new Set(modules.flatMap((module) => Object.keys(module)));
  assert(exported.size > 50, `only ${exported.size} exports`);
  const rows = [...names.map(([, here]) => here), ...document.rows("Only here").map(([first]) => first)];
  const said = new Set(rows.flatMap(codes));
  assertEquals([...exported].filter((name) => !said.has(name)), []);
});

const PYTHON = `
import json, sys, multiprocessing as m
from multiprocessing import connection, managers, pool, process, queues, shared_memory, synchronize, sharedctypes
public = lambda c: [n for n in dir(c) if not n.startswith("_")]
classes = {"Process": process.BaseProcess, "Connection": connection.Connection, "Listener": connection.Listener,
  "Pool": pool.Pool, "AsyncResult": pool.ApplyResult, "ImapIterator": pool.IMapIterator, "Queue": queues.Queue,
  "JoinableQueue": queues.JoinableQueue, "SimpleQueue": queues.SimpleQueue, "Semaphore": synchronize.Semaphore,
  "Condition": synchronize.Condition, "Event": synchronize.Event, "Barrier": synchronize.Barrier,
  "Synchronized": sharedctypes.Synchronized, "SynchronizedArray": sharedctypes.SynchronizedArray,
  "SynchronizedString": sharedctypes.SynchronizedString,
  "SharedMemory": shared_memory.SharedMemory}
classes |= {name: getattr(managers, name) for name in ["BaseManager", "SyncManager", "DictProxy", "ListProxy", "SetProxy",
  "EventProxy", "ConditionProxy", "BarrierProxy", "ValueProxy", "ArrayProxy", "PoolProxy"] if hasattr(managers, name)}
print(json.dumps({"all": m.__all__, "classes": {name: public(c) for name, c in classes.items()},
  "modules": {"connection": connection.__all__, "shared_memory": shared_memory.__all__, "pool": pool.__all__, "sharedctypes": sharedctypes.__all__}}))
`;
const python = await new Deno.Command("python3", { args: ["-c", PYTHON], stderr: "null" }).output()
  .then(({ success, stdout }) => success ? JSON.parse(new TextDecoder().decode(stdout)) : null, () => null);

Deno.test({
  name: "from-python: every public name of CPython has its row",
  ignore: python === null,
  fn() {
    const said = new Set(
      [...names, ...document.rows("Not offered")].flatMap(([first]) => codes(first)).map((code) =>
        code.split(".").at(-1)
      ),
    );
    const modules = Object.values<string[]>(python.modules).flat();
    assertEquals([...python.all, ...modules].filter((name) => !said.has(name)), []);
    for (const [name, members] of Object.entries<string[]>(python.classes)) {
      const row = names.find(([, here]) => here === `\`${name}\``);
      if (row === undefined) throw new Error(`there is no row of ${name}`);
      const known = membersOf(row);
      // The class that a pool's own workers are of.
      const wanted = members.filter((member) => member !== "Process").map(camelCase);
      assertEquals(wanted.filter((member) => !known.includes(member)), [], name);
    }
  },
});

Deno.test("from-python: the type codes are what the table says", () => {
  const said = document.rows("Type codes").flatMap(([given, , bytes, type, array]) =>
    codes(given).map((code) => [code.slice(1, -1), Number(bytes), codes(type)[0], codes(array)[0]] as const)
  );
  assertEquals(said.length, 24);
  for (const [code, bytes, type, array] of said) {
    const raw = mp.RawArray(code as mp.TypeCode, 1);
    assertEquals([raw.constructor.name, raw.BYTES_PER_ELEMENT], [array, bytes], code);
    using value = mp.RawValue(code as mp.TypeCode);
    assertEquals(typeof value.value, type, code);
  }
});

Deno.test("from-python: every difference says since when", () => {
  const modules = ["Everywhere", "process", "context", "queues", "connection", "synchronize", "sharedctypes", "pool"];
  for (const module of [...modules, "managers", "reduction", "logging"]) {
    for (const row of document.rows(module)) {
      assertEquals(row.length, 4, row[0]);
      assert(/^\d+\.\d+\.\d+$/.test(row[3]), row[0]);
    }
  }
});
