// `console.log` and JSON show of shared objects what toString() says, and never their memory.

import { inspect } from "node:util";
import { assertEquals, assertMatch } from "@std/assert";
import {
  Array as SharedArray,
  Barrier,
  BoundedSemaphore,
  Condition,
  Event,
  JoinableQueue,
  Listener,
  Lock,
  Pipe,
  Pool,
  Process,
  Queue,
  RawArray,
  RawValue,
  RLock,
  Semaphore,
  SimpleQueue,
  Structure,
  Value,
} from "@parallel/multiprocessing";
import { TARGETS } from "../support/helpers.ts";

Deno.test("shown: shared objects as toString() has them, alone, in objects and in JSON, also when they are closed", async () => {
  const Point = Structure({ x: "f64" });
  const nothing = { module: TARGETS, name: "nothing" };
  const listener = new Listener(["127.0.0.1", 0]);
  const [reader, writer] = Pipe();
  const pool = new Pool(1, { name: "P" });
  const process = new Process({ target: nothing, name: "shown" });
  class Mine extends Process {}
  const result = pool.applyAsync(nothing);
  const objects: object[] = [
    new Lock(),
    new RLock(),
    new Semaphore(3),
    new BoundedSemaphore(2),
    new Condition(),
    new Event(),
    new Barrier(2),
    new Queue(5),
    new JoinableQueue(),
    new SimpleQueue(),
    Value("i32", 7),
    Value(Point, { x: 1 }),
    SharedArray("i32", [1, 2]),
    SharedArray("c", 3),
    RawValue("f64", 1.5),
    RawValue(Point),
    RawArray(Point, 2),
    reader,
    writer,
    listener,
    pool,
    process,
    new Mine(),
    result,
  ];
  const assertShown = (it: object, text: string) => {
    assertEquals(Deno.inspect(it), text);
    assertEquals(Deno.inspect({ it }, { breakLength: Infinity }), `{ it: ${text} }`);
    assertEquals(inspect(it), text);
    assertEquals(JSON.stringify({ it }), JSON.stringify({ it: text }));
  };
  for (const it of objects) assertShown(it, String(it));
  assertEquals(Deno.inspect(objects[0]), "<Lock(owner=None)>");
  assertEquals(JSON.stringify([objects[10]]), '["<Synchronized(<RawValue(\\"i32\\", 7)>, <RLock(None, 0)>)>"]');
  await result;
  assertShown(result, "<AsyncResult(fulfilled)>");
  await pool.terminate();
  for (const it of objects) {
    if ("close" in it && typeof it.close === "function") it.close();
    else if (Symbol.dispose in it) (it as Disposable)[Symbol.dispose]();
  }
  for (const it of objects) {
    const text = Deno.inspect(it);
    assertMatch(text, /^<.+>$/s);
    assertEquals(JSON.parse(JSON.stringify({ it })), { it: text });
  }
});

Deno.test("shown: the prototype of a class, and what only inherits from it, harm nobody", () => {
  for (const Class of [Lock, Queue, Pool, Listener, Semaphore]) {
    for (const it of [Class.prototype, Object.create(Class.prototype)]) {
      assertEquals(typeof Deno.inspect(it), "string");
      assertEquals(typeof JSON.stringify(it), "string");
    }
  }
});
