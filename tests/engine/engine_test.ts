// The servers that the tests of several machines start: tests/support/engine.ts.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { engineTest } from "../support/engine.ts";

engineTest("an engine answers at its socket and at its port, and is alone there", async (engine) => {
  assertEquals(await engine.command("PING"), "PONG");
  assertEquals(await engine.connections(), []);
  {
    using _ = await Deno.connect({ hostname: engine.address, port: engine.port });
    assertEquals((await engine.connections()).length, 1);
  }
  await assertRejects(() => engine.command("NONSENSE"), Error, "unknown command");
});

for (const persistence of ["none", "always"] as const) {
  engineTest(`an engine with the persistence "${persistence}" is restarted with what it has kept`, async (engine) => {
    await engine.command("SET", "mp:{t}:tree", "1");
    assertEquals(await engine.treeKeys(), ["mp:{t}:tree"]);
    await engine.restart();
    assertEquals(await engine.command("GET", "mp:{t}:tree"), persistence === "none" ? null : "1");
    await engine.command("DEL", "mp:{t}:tree");
  }, { persistence });
}

engineTest("a replica follows its engine, and may take its place", async (engine) => {
  const [replica] = engine.replicas;
  await engine.command("SET", "key", "value");
  await engine.command("WAIT", 1, 0);
  assertEquals(await replica.command("GET", "key"), "value");
  await replica.command("REPLICAOF", "NO", "ONE");
  await replica.command("SET", "key", "other");
  assertEquals(await engine.command("GET", "key"), "value");
}, { replicas: 1 });

engineTest("an engine that is full says so", async (engine) => {
  await assertRejects(
    async () => {
      for (let i = 0; i < 100; i++) await engine.command("SET", `key${i}`, "x".repeat(100_000));
    },
    Error,
    "OOM",
  );
}, { maxmemory: "3mb" });

engineTest("an engine has a password", async (engine) => {
  assert(engine.url.startsWith("redis+unix://:a%2Fb@/"), engine.url);
  assertEquals(await engine.command("PING"), "PONG");
}, { password: "a/b" });
