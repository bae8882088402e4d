// The key of a tree of processes.

import { inspect } from "node:util";
import { assertEquals, assertInstanceOf, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { AuthenticationString, currentAuthkey, setCurrentAuthkey } from "../../src/launch/authkey.ts";
import { Process } from "../../src/process.ts";
import { Queue } from "../../src/queues.ts";
import { dumps } from "../../src/reduction/serialise.ts";
import { tellKey } from "../fixtures/launch/authkey_targets.ts";
import { PATIENCE } from "../support/helpers.ts";

Deno.test("a process has a random key of 32 bytes, and its children inherit it", async () => {
  assertEquals(currentAuthkey().length, 32);
  assertNotEquals(new Uint8Array(currentAuthkey()), new Uint8Array(32));
  using said = new Queue<Uint8Array>();
  await using child = new Process({ target: tellKey, args: [said, 1] });
  child.start();
  assertEquals(await said.get({ timeout: PATIENCE }), new Uint8Array(currentAuthkey()));
  assertEquals(await said.get({ timeout: PATIENCE }), new Uint8Array(currentAuthkey()));
});

Deno.test("a key given to a process later is inherited from then on", async () => {
  const before = currentAuthkey();
  setCurrentAuthkey(new TextEncoder().encode("another"));
  try {
    assertInstanceOf(currentAuthkey(), AuthenticationString);
    using said = new Queue<Uint8Array>();
    await using child = new Process({ target: tellKey, args: [said, 0] });
    child.start();
    assertEquals(await said.get({ timeout: PATIENCE }), new TextEncoder().encode("another"));
  } finally {
    setCurrentAuthkey(before);
  }
});

Deno.test("a key travels as an argument of a process, and in no other message", async () => {
  const key = new AuthenticationString([1, 2, 3]);
  assertThrows(() => dumps([key]), TypeError, "Cannot serialise an AuthenticationString: it is a secret");
  assertThrows(() => dumps([key.subarray(1)]), TypeError, "Cannot serialise an AuthenticationString");
  using said = new Queue<unknown>();
  assertThrows(() => said.putNowait(key), TypeError, "Cannot serialise an AuthenticationString");
  await using child = new Process({ target: tellKey, args: [said as Queue<Uint8Array>, 0, key] });
  child.start();
  assertEquals(await said.get({ timeout: PATIENCE }), new Uint8Array([1, 2, 3]));
  assertThrows(() => dumps(key), TypeError, "Cannot serialise an AuthenticationString");
});

Deno.test("a key is neither text nor JSON", () => {
  const key = new AuthenticationString([1, 2, 3]);
  for (const text of [String(key), `${key}`, key.toLocaleString(), "" + key, inspect(key), Deno.inspect([key])]) {
    assertMatch(text, /^(\[ )?AuthenticationString\(3\)( \])?$/);
  }
  assertThrows(() => JSON.stringify({ key }), TypeError, "Cannot serialise an AuthenticationString: it is a secret");
  assertEquals(JSON.stringify([...key]), "[1,2,3]");
});

Deno.test("a key is bytes and is not printed", () => {
  assertThrows(() => setCurrentAuthkey("secret" as never), TypeError, 'Cannot set the authkey to "secret"');
  assertEquals(Deno.inspect(new AuthenticationString([1, 2, 3])), "AuthenticationString(3)");
});
