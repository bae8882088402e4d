// URLs of engines: what they name, what they are shown as, and that no password is shown.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { getContext } from "@parallel/multiprocessing";
import { engineAddressOf, requireEnginePermission } from "../../src/engine/address.ts";
import { remotePlanOf } from "../../src/engine/options.ts";

const SECRET = "s3cr3t";

/** URLs, what each is shown as, and what the client is given. */
const GOOD: [url: string, shown: string, given?: string][] = [
  ["redis://db.example", "redis://db.example:6379/0"],
  ["redis://DB.example:7000/3", "redis://db.example:7000/3"],
  ["valkey://[::1]:7000", "redis://[::1]:7000/0"],
  ["redis://", "redis://localhost:6379/0"],
  [`redis://:${SECRET}@db/`, "redis://db:6379/0", `redis://:${SECRET}@db:6379/0`],
  [`redis://ann:a%2Fb%40${SECRET}@db`, "redis://db:6379/0", `redis://ann:a%2Fb%40${SECRET}@db:6379/0`],
  [`redis://ann:a@${SECRET}@db`, "redis://db:6379/0", `redis://ann:a%40${SECRET}@db:6379/0`],
  ["rediss://db?ca=/etc/ca.pem", "rediss://db:6379/0", "rediss://db:6379/0?ca=%2Fetc%2Fca.pem"],
  ["valkeys://db", "rediss://db:6379/0"],
  ["redis+unix:///run/redis.sock", "redis+unix:///run/redis.sock?db=0"],
  [
    `redis+unix://:${SECRET}@/run/redis.sock?db=2`,
    "redis+unix:///run/redis.sock?db=2",
    `redis+unix://:${SECRET}@/run/redis.sock?db=2`,
  ],
  ["redis+sentinel://a,[::1]:7/main", "redis+sentinel://a:26379,[::1]:7/main/0"],
  [
    `valkey+sentinel://ann:${SECRET}@a/my%20one/3?sentinelPassword=${SECRET}`,
    "redis+sentinel://a:26379/my%20one/3",
    `redis+sentinel://ann:${SECRET}@a:26379/my%20one/3?sentinelPassword=${SECRET}`,
  ],
  ["redis+cluster://a,[::1]:7/", "redis+cluster://a:6379,[::1]:7"],
  [
    `valkeys+cluster://ann:${SECRET}@a/0?ca=/etc/ca.pem`,
    "rediss+cluster://a:6379",
    `rediss+cluster://ann:${SECRET}@a:6379?ca=%2Fetc%2Fca.pem`,
  ],
  ["redis://db?prefix=mp:", "redis://db:6379/0"],
  ["redis://db?prefix=team-1.x:", "redis://db:6379/0?prefix=team-1.x:"],
  [
    "rediss://db?prefix=t%3A&ca=/ca.pem",
    "rediss://db:6379/0?prefix=t:",
    "rediss://db:6379/0?ca=%2Fca.pem&prefix=t:",
  ],
  ["redis+unix:///run/redis.sock?prefix=t_", "redis+unix:///run/redis.sock?db=0&prefix=t_"],
  [
    `redis+sentinel://a/main?prefix=t:&sentinelPassword=${SECRET}`,
    "redis+sentinel://a:26379/main/0?prefix=t:",
    `redis+sentinel://a:26379/main/0?sentinelPassword=${SECRET}&prefix=t:`,
  ],
  ["redis+cluster://a?prefix=t:", "redis+cluster://a:6379?prefix=t:"],
];

for (const [url, shown, given = shown] of GOOD) {
  Deno.test(`address: ${shown} is what ${url.replaceAll(SECRET, "…")} names`, () => {
    const address = engineAddressOf(url);
    assertEquals([address.shown, address.url], [shown, given]);
    assertEquals(engineAddressOf(address.url), address);
  });
}

const BAD: [url: string, why: string][] = [
  [`http://:${SECRET}@db`, "wanted redis://"],
  [`redis://:${SECRET}@db:port`, "host and port cannot be read"],
  [`redis://:${SECRET}@db:0`, "a port from 1 to 65535"],
  [`redis://:${SECRET}@db/one`, "its database is no number"],
  [`redis://:${SECRET}@db?ca=x`, 'there is no parameter "ca", wanted prefix'],
  [`rediss://:${SECRET}@db?cb=x`, 'there is no parameter "cb", wanted ca, prefix'],
  [`redis://:%${SECRET}@db`, "its password is not percent-encoded"],
  [`redis://:${SECRET}/x@db`, "cannot be read"],
  [`redis+unix://:${SECRET}@db/run/redis.sock`, "behind three slashes"],
  [`redis+unix://:${SECRET}@`, "it has no path"],
  [`redis+sentinel://:${SECRET}@a,b`, "it has no name of a primary"],
  [`redis+sentinel://:${SECRET}@a,b:x/main`, "host and port cannot be read"],
  [`redis+sentinel://:${SECRET}@a/main?ca=x`, "wanted sentinelUser, sentinelPassword"],
  [`redis+cluster://:${SECRET}@a,b/1`, "a cluster has no databases"],
  [`valkey+cluster://:${SECRET}@a,b/main`, "a cluster has no databases"],
  [`redis+cluster://:${SECRET}@a,b:x`, "host and port cannot be read"],
  [`redis+cluster://:${SECRET}@a?ca=x`, 'there is no parameter "ca", wanted prefix'],
  [`redis://:${SECRET}@db?prefix=`, "its prefix is none"],
  [`redis://db?prefix={${SECRET}}`, "its prefix is none"],
  [`redis://:${SECRET}@db?prefix=${"a".repeat(65)}`, "its prefix is none"],
  [`${SECRET}://db`, "wanted redis://"],
  [`redis://db#${SECRET}`, "it is no URL of an engine"],
];

for (const [url, why] of BAD) {
  Deno.test(`address: ${url.replaceAll(SECRET, "…")} is refused, without its password`, () => {
    const error = assertThrows(() => getContext(url, {}), RangeError, why);
    assert(!error.message.includes(SECRET), error.message);
    assertEquals(error.stack?.includes(SECRET), false);
  });
}

const WRONG: [
  options: Record<string, unknown>,
  type: typeof TypeError | typeof RangeError | typeof Deno.errors.NotSupported,
  message: string,
][] = [
  [{ leese: 5 }, TypeError, 'did you mean "lease"?'],
  [{ lease: "5" }, TypeError, '"lease" is "5", wanted a number'],
  [{ lease: 1_999 }, RangeError, "a whole number from 2000"],
  [{ lease: NaN }, RangeError, "a whole number from 2000"],
  [{ hosts: "gpu" }, TypeError, '"hosts" is "gpu", wanted an array of texts'],
  [{ hosts: ["a,b"] }, RangeError, "labels without a comma"],
  [{ code: "sent" }, RangeError, 'wanted "same", "import" or "upload"'],
  [{ include: ["data.json"] }, RangeError, 'wanted with code: "upload" only'],
  [{ startTimeout: 0 }, RangeError, '"startTimeout" is 0, wanted a whole number from 1'],
  [{ patience: Infinity }, RangeError, '"patience" is Infinity'],
  [{ durability: "disc" }, RangeError, 'wanted "memory", "disk" or { replicas: n }'],
  [{ durability: { replicas: 0 } }, RangeError, '"durability.replicas" is 0'],
  [{ durability: { replicas: "2" } }, RangeError, '"durability.replicas" is "2", wanted a whole number from 1 to 100'],
  [{ durability: { replica: 2 } }, TypeError, 'did you mean "replicas"?'],
  [{ maxMessage: 2 ** 40 }, RangeError, '"maxMessage" is'],
  [{ output: "bare" }, RangeError, 'wanted "plain" or "prefixed"'],
  [{ authkey: SECRET }, TypeError, '"authkey" is no Uint8Array'],
  [{ authkey: new Uint8Array() }, RangeError, '"authkey" is empty'],
];

for (const [options, type, message] of WRONG) {
  Deno.test(`options: ${Deno.inspect(options).replaceAll(SECRET, "…")} is refused`, () => {
    const error = assertThrows(() => getContext("redis://127.0.0.1:1", options), type, message);
    assert(!error.message.includes(SECRET), error.message);
  });
}

Deno.test("options: what is not given has its default", () => {
  assertEquals(remotePlanOf(), {
    lease: 30_000,
    hosts: [],
    code: "same",
    include: [],
    startTimeout: 10_000,
    patience: 60_000,
    durability: "memory",
    maxMessage: 64 * 1024 * 1024,
    output: null,
    authkey: null,
  });
});

Deno.test("options: a start method has none", () => {
  assertThrows(() => getContext("spawn", {}), TypeError, "it takes no options");
});

/** Those that may be connected to, and the flag that is missing else. */
const PERMITTED: [url: string, missing: string][] = [
  ["redis+cluster://127.0.0.1:1,127.0.0.1:2", "127.0.0.1:2"],
  ["rediss+cluster://127.0.0.1:3", "127.0.0.1:3"],
  ["redis+sentinel://127.0.0.1:1,127.0.0.1:2/main", "127.0.0.1:2"],
];

for (const [url, missing] of PERMITTED) {
  const permissions = { net: ["127.0.0.1:1"], ffi: true, read: true, env: true, sys: true };
  Deno.test({ name: `address: ${url} wants the permission of each that is named`, permissions }, () => {
    assertThrows(() => requireEnginePermission(engineAddressOf(url)), Deno.errors.NotCapable, missing);
  });
}
