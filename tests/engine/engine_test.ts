// The servers that the tests of several machines start: tests/support/engine.ts.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { engineTest, nothingLeft } from "../support/engine.ts";
import { until } from "../support/helpers.ts";
import { Host, noHosts } from "../support/hosts.ts";
import { Proxy } from "../support/proxy.ts";
import { RespConnection } from "../support/resp.ts";

engineTest("an engine answers at its socket and at its port, and is alone there", async (engine) => {
  assertEquals(await engine.command("PING"), "PONG");
  await nothingLeft("connections", () => engine.connections());
  {
    using _ = await Deno.connect({ hostname: engine.address, port: engine.port });
    await until("the connection", async () => (await engine.connections()).length === 1);
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

engineTest("a proxy passes on, cuts at a byte, holds, and is down and up", async (engine) => {
  await using proxy = new Proxy({ transport: "unix", path: engine.socket });
  const open = () => RespConnection.open({ hostname: "127.0.0.1", port: proxy.port });
  {
    using one = await open();
    proxy.portion = 3;
    assertEquals(await one.command("ECHO", "through, in small pieces"), "through, in small pieces");
    proxy.hold();
    const held = one.command("PING");
    proxy.letGo();
    assertEquals(await held, "PONG");
    proxy.cut();
    await assertRejects(() => one.command("PING"));
  }
  for (const direction of ["up", "down"] as const) {
    proxy.cutNext({ direction, after: 9 });
    using cut = await open();
    await assertRejects(() => cut.command("ECHO", "this does not come through"));
  }
  proxy.down();
  await assertRejects(open);
  proxy.up();
  using again = await open();
  assertEquals(await again.command("PING"), "PONG");
});

engineTest("a host reaches the engine by its link alone, which can be cut", async (engine) => {
  using host = new Host("east");
  await engine.listenAt(host.gateway);
  const ask = (address: string, seconds = 30) =>
    host.run("timeout", `${seconds}`, "redis-cli", "-h", address, "-p", `${engine.port}`, "PING").trim();
  assertEquals(ask(host.gateway), "PONG");
  assertThrows(() => ask(engine.address), Error, "Connection refused");
  host.down();
  assertThrows(() => ask(host.gateway, 1), Error);
  host.up();
  assertEquals(ask(host.gateway), "PONG");
  assertEquals(host.processes(), []);
}, { leftOut: noHosts });
