// What may not travel cannot be received: by what a stranger sends, and by what a child without permissions does.

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { activeChildren, Client, getContext, Listener } from "@parallel/multiprocessing";
import { native } from "../../src/addon/load.ts";
import { registeredNames } from "../../src/reduction/registry.ts";
import { dumps } from "../../src/reduction/serialise.ts";
import { forge } from "../fixtures/reduction/reduction_targets.ts";
import { fuzz } from "../fuzz/decoder.ts";
import { begin } from "../support/children.ts";
import { childrenOf, descriptorCount, within } from "../support/helpers.ts";

Deno.test.beforeAll(begin);

/** Classes whose instances are refused to be sent. */
const NEVER = [
  "Pool",
  "Process",
  "Listener",
  "AsyncResult",
  "ImapIterator",
  "Sentinel",
  "Guard",
  "ParentProcess",
  "BaseContext",
];

/** Nothing, and what the constructors of classes might take for something. */
const DATA = [null, undefined, 0, 1, "x", [], {}, [1, 1], [1, 1, 0], [[1, 1], true, true, null], [null, true]];

/** The message of an instance of that class, as a stranger would write it. */
function naming(name: string, data: unknown): Uint8Array<ArrayBuffer> {
  const payload = [...dumps(name).bytes, ...dumps(data).bytes];
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, payload.length);
  return new Uint8Array([0xc9, ...length, 12, ...payload]);
}

const belongings = () => ({
  children: childrenOf().length,
  active: activeChildren().length,
  descriptors: descriptorCount(),
  blocks: native().memoryUsage().blocks,
});

/** Nothing may have appeared. What ended before may go later: descriptors of warm processes, and blocks. */
function assertNothingNew(before: ReturnType<typeof belongings>, what = ""): void {
  const now = belongings();
  const kinds = ["children", "active", "descriptors", "blocks"] as const;
  assertEquals(kinds.filter((kind) => now[kind] > before[kind]), [], `${what} ${Deno.inspect({ before, now })}`);
}

Deno.test("what never travels has no name that a message could use", () => {
  assertEquals(registeredNames().filter((name) => NEVER.includes(name)), []);
});

Deno.test("a stranger's message makes nothing of any class of the package, whatever its data", async () => {
  using listener = new Listener(["127.0.0.1", 0]);
  const [server, client] = await Promise.all([listener.accept(), Client(listener.address)]);
  const mayArrive = new Set(["URL", "multiprocessing.StructureType", "AuthenticationString"]);
  const before = belongings();
  for (const name of [...NEVER, ...registeredNames().filter((name) => !name.startsWith("test."))]) {
    for (const data of DATA) {
      await client.sendBytes(naming(name, data));
      const error = await within(server.recv()).then((value) => value, (error) => error);
      if (NEVER.includes(name)) assertStringIncludes(String(error), "not registered in this process");
      if (!mayArrive.has(name)) assertInstanceOf(error, Error, `${name} of ${Deno.inspect(data)}`);
    }
    assertNothingNew(before, name);
  }
  server.close();
  client.close();
});

for (const method of ["spawn", "forkserver"] as const) {
  Deno.test(`a child without permissions makes its parent start nothing (${method})`, async () => {
    const context = getContext(method);
    using queue = new context.Queue<unknown>();
    const child = new context.Process({ target: forge, args: [NEVER, queue], permissions: "none" });
    child.start();
    await within(child.join());
    assertEquals(child.exitcode, 0);
    const before = belongings();
    for (const name of NEVER) {
      await assertRejects(() => within(queue.get()), RangeError, `class "${name}": it is not registered`);
    }
    assertNothingNew(before);
  });
}

Deno.test("hostile bytes in any order: values and told errors, and nothing appears", async () => {
  const { messages, restored, violations } = await fuzz(5);
  assertEquals(violations, []);
  assert(messages > 1000 && restored > 10, `only ${messages} messages were tried, ${restored} of them restored`);
});
