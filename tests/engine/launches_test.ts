// Launches: what is signed, and what a hostile engine cannot do with it. Permissions that a host gives.

import { assertEquals, assertThrows } from "@std/assert";
import { AuthenticationError } from "../../src/errors.ts";
import { granted, type Granting, requireOrdinary } from "../../src/engine/grants.ts";
import { remotePlanOf } from "../../src/engine/options.ts";
import { keyOf } from "../../src/engine/process.ts";
import { type LaunchFacts, signLaunch, verifyLaunch } from "../../src/engine/launches.ts";
import { VERSION } from "../../src/addon/interface.ts";

const KEY = new TextEncoder().encode("key");
const SEAL = { tree: "7".repeat(32), member: 1, object: "3", agent: "a1" };
const WORK = Uint8Array.of(1, 2, 3);

function signed(changes: Partial<LaunchFacts> = {}) {
  const facts = { version: VERSION, facts: { name: "P-1" }, ...changes } as unknown as LaunchFacts;
  return signLaunch(SEAL, facts, WORK, KEY);
}

Deno.test("launch: it arrives as it was signed, once", () => {
  const launch = signed();
  const read = verifyLaunch(launch, KEY, SEAL);
  assertEquals([read.seal, read.work, read.facts.name], [SEAL, WORK, "P-1"]);
  assertThrows(() => verifyLaunch(launch, KEY, SEAL), AuthenticationError, "it has been here before");
  verifyLaunch(signed(), KEY, SEAL);
});

Deno.test("launch: another key, a changed byte, another host, object or tree are refused", () => {
  const other = new TextEncoder().encode("other");
  assertThrows(() => verifyLaunch(signed(), other, SEAL), AuthenticationError, "signed with another key");
  const launch = signed();
  for (const at of [0, 5, launch.body.length - 1]) {
    const body = launch.body.slice();
    body[at] ^= 1;
    assertThrows(() => verifyLaunch({ ...launch, body }, KEY, SEAL), AuthenticationError, "signed with another key");
  }
  for (const change of [{ agent: "a2" }, { object: "4" }, { tree: "8".repeat(32) }]) {
    const told = { ...SEAL, ...change };
    assertThrows(() => verifyLaunch(launch, KEY, told), AuthenticationError, "for another process or another host");
  }
  assertEquals(verifyLaunch(launch, KEY, SEAL).work, WORK);
});

Deno.test("launch: without a key the signature is not looked at; another version is refused", () => {
  assertEquals(verifyLaunch({ ...signed(), signature: new Uint8Array() }, null, SEAL).key, null);
  assertThrows(
    () => verifyLaunch(signed({ version: "0.0.9" }), KEY, SEAL),
    Deno.errors.NotSupported,
    `Cannot start "P-1": its program has version 0.0.9 of this package, the agent ${VERSION}; install the same`,
  );
});

Deno.test("launch: the key is the same whether or not a line ends behind it", () => {
  const key = (...bytes: number[]) => remotePlanOf({ authkey: Uint8Array.from(bytes) }).authkey;
  for (const end of [[], [10], [13, 10], [10, 10]]) assertEquals(key(7, 10, 8, ...end), Uint8Array.of(7, 10, 8));
  assertThrows(() => key(13, 10), RangeError, '"authkey" is empty');
  const own = Uint8Array.of(1, 2, 10);
  assertEquals(keyOf({ plan: remotePlanOf(), isRoot: false }, own), Uint8Array.of(1, 2));
});

const GRANTING: Granting = { name: "P-1", host: "east", wanted: [], theirs: ["/a/x.so"], own: ["/b/x.so"], grant: [] };

Deno.test("grants: a process has its program's permissions, with this host's libraries", () => {
  assertEquals(granted({ ...GRANTING, wanted: ["--allow-all"] }), ["--allow-all"]);
  const wanted = ["--allow-read=/tmp", "--allow-ffi=/a/x.so,/c.so", "--deny-net"];
  assertEquals(granted({ ...GRANTING, wanted }), ["--allow-read=/tmp", "--deny-net", "--allow-ffi=/c.so,/b/x.so"]);
  assertEquals(granted({ ...GRANTING, wanted: [] }), ["--allow-ffi=/b/x.so"]);
});

Deno.test("grants: what an agent is told to give at most is all there is", () => {
  const grant = ["--allow-read=/data", "--allow-net"];
  const ask = (...wanted: string[]) => granted({ ...GRANTING, wanted, grant });
  assertEquals(ask("--allow-read=/data/x", "--allow-net=example.com")[0], "--allow-read=/data/x");
  const refused = (flag: string, what: string) =>
    assertThrows(
      () => ask(flag),
      Deno.errors.NotCapable,
      `Cannot start "P-1" on host "east": its agent does not give the permission ${what}, which the program has`,
    );
  refused("--allow-read", '"read"');
  refused("--allow-all", '"read"');
  refused("--allow-read=/data/../etc", '"read" for "/data/../etc"');
  refused("--allow-read=/data2", '"read" for "/data2"');
  refused("--allow-run=ls", '"run" for "ls"');
});

Deno.test("grants: a flag that is no permission, or an unknown one, gives nothing", () => {
  const grant = ["--allow-read=/data"];
  const ask = (flags: string[], env: string[] = []) => requireOrdinary(flags, env, { ...GRANTING, grant });
  ask(["--config=/data/deno.json", "--ext=ts", "--unstable-kv", "--quiet", "--v8-flags=--max-old-space-size=64"], [
    "HOME",
  ]);
  for (
    const flag of ["--allow-all", "-A", "--allow-run=ls", "--permission-set=x", "--inspect=0.0.0.0:9229", "run", ""]
  ) {
    assertThrows(
      () => ask([flag]),
      Deno.errors.NotCapable,
      `Cannot start "P-1" on host "east": its flag "${flag}" is none that a program hands on to its processes`,
    );
  }
  const outside = 'its agent does not give the permission "run"';
  assertThrows(() => ask(["--allow-scripts"]), Deno.errors.NotCapable, outside);
  assertThrows(() => ask([], ["LD_PRELOAD"]), Deno.errors.NotCapable, outside);
  requireOrdinary(["--allow-scripts"], ["LD_PRELOAD"], { ...GRANTING, grant: ["--allow-run"] });
  assertThrows(
    () => granted({ ...GRANTING, wanted: ["-A"] }),
    Deno.errors.NotCapable,
    'its flag "-A" is no permission that its agent knows',
  );
});
