// What permissions may be given, and what the child then has.

import { getContext, Pipe, Process, type ProcessSettings, Queue } from "@parallel/multiprocessing";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as targets from "../fixtures/permissions/cage_targets.ts";
import { begin } from "../support/children.ts";
import { assertNothingLeft, belongings, FIXTURES, outputOf, within } from "../support/helpers.ts";

Deno.test.beforeAll(begin);

type Permissions = ProcessSettings["permissions"];

/** Which of the descriptors a child with these permissions has granted. */
async function granted(
  permissions: Permissions,
  descriptors: Deno.PermissionDescriptor[],
  more: Omit<ProcessSettings, "target" | "args" | "kwargs"> = {},
): Promise<boolean[]> {
  using said = new Queue<boolean[]>();
  await using child = new Process({
    target: targets.query as (...args: unknown[]) => unknown,
    args: [said, descriptors],
    permissions,
    ...more,
  });
  child.start();
  await within(child.join());
  assertEquals(child.exitcode, 0);
  return said.getNowait();
}

const here = Deno.cwd();

const CASES: [
  what: string,
  permissions: Permissions,
  yes: Deno.PermissionDescriptor[],
  no: Deno.PermissionDescriptor[],
][] = [
  ["nothing", "none", [], [{ name: "read" }, { name: "net" }, { name: "env" }, { name: "run", command: "true" }]],
  ["an empty object", {}, [], [{ name: "read" }, { name: "sys" }, { name: "ffi" }]],
  ["all", "inherit", [{ name: "read" }, { name: "run" }, { name: "ffi" }, { name: "sys" }], []],
  ["exactly a relative path", { read: ["./x"] }, [{ name: "read", path: `${here}/x` }, {
    name: "read",
    path: `${here}/x/y`,
  }], [{ name: "read", path: here }, { name: "read", path: `${here}/xy` }, { name: "write", path: `${here}/x` }]],
  ["paths with spaces, # and %", { read: ["/a b/#c%20"], write: [new URL("file:///d%20e%23")] }, [
    { name: "read", path: "/a b/#c%20/d" },
    { name: "write", path: "/d e#" },
  ], [{ name: "read", path: "/a b" }, { name: "read", path: "/a b/#c " }, { name: "write", path: "/a b/#c%20" }]],
  ["a path upwards", { read: ["../y"] }, [{ name: "read", path: `${here}/../y` }], [{ name: "read", path: here }]],
  ["hosts", { net: ["example.com:443", "127.0.0.1"] }, [
    { name: "net", host: "example.com:443" },
    { name: "net", host: "127.0.0.1:80" },
  ], [{ name: "net", host: "example.com:80" }, { name: "net", host: "example.org" }, { name: "net" }]],
  ["variables", { env: ["HOME", "AWS_*"] }, [{ name: "env", variable: "HOME" }, {
    name: "env",
    variable: "AWS_KEY",
  }], [{ name: "env", variable: "PATH" }, { name: "env" }]],
  ["facts of the system", { sys: ["hostname"] }, [{ name: "sys", kind: "hostname" }], [{ name: "sys", kind: "gid" }]],
  ["programs", { run: ["true"] }, [{ name: "run", command: "true" }], [{ name: "run", command: "sh" }]],
  ["whole permissions", { read: true, env: "inherit", write: false }, [{ name: "read" }, { name: "env" }], [{
    name: "write",
  }, { name: "net" }]],
  ["a library", { ffi: ["/lib/x.so"] }, [{ name: "ffi", path: "/lib/x.so" }], [{ name: "ffi", path: "/lib/y.so" }]],
  ["empty lists", { read: [], net: [] }, [], [{ name: "read" }, { name: "net" }]],
];
for (const [what, permissions, yes, no] of CASES) {
  Deno.test(`a child is given ${what}`, async () => {
    const states = await granted(permissions, [...yes, ...no]);
    assertEquals(states, [...yes.map(() => true), ...no.map(() => false)]);
  });
}

Deno.test("hosts to import from are a permission of their own", async () => {
  const descriptor = (host: string) => ({ name: "import", host }) as unknown as Deno.PermissionDescriptor;
  const hosts = ["example.com", "example.org"].map(descriptor);
  assertEquals(await granted({ import: ["example.com"] }, hosts), [true, false]);
  assertEquals(await granted({ import: true }, hosts), [true, true]);
});

const WRONG: [permissions: unknown, message: string][] = [
  ["all", `"permissions" is "all", wanted "inherit", "none" or an object`],
  [null, `"permissions" is null`],
  [[], `"permissions" is []`],
  [{ reed: true }, `"permissions" has "reed", wanted "read", "write"`],
  [{ hrtime: true }, `"permissions" has "hrtime"`],
  [{ read: "yes" }, `"permissions.read" is "yes", wanted a boolean, "inherit" or an array`],
  [{ read: 1 }, `"permissions.read" is 1`],
  [{ read: [""] }, `"permissions.read" has "", wanted a string or a URL that is not empty`],
  [{ read: [5] }, `"permissions.read" has 5`],
  [{ read: ["/a,b"] }, "cannot express a comma"],
  [{ read: [new URL("file:///a,b")] }, "has a comma"],
  [{ read: [new URL("file:///caf%E9")] }, "has bytes that are no text"],
  [{ ffi: [new URL("file:///caf%C3/x")] }, "has bytes that are no text"],
  [{ write: [new URL("file:///a%00b")] }, "has a NUL"],
  [{ read: [new URL("https://host/")] }, "wanted a path or a file: URL"],
  [{ read: ["/a\0"] }, "NUL"],
  [{ net: [new URL("https://host/")] }, `"permissions.net" has`],
  [{ net: ["a b"] }, "invalid host"],
  [{ net: ["host:99999"] }, "invalid port"],
  [{ env: ["A=B"] }, "wanted the name of a variable"],
];
for (const [permissions, message] of WRONG) {
  Deno.test(`wrong permissions are refused by the constructor: ${Deno.inspect(permissions)}`, () => {
    const error = assertThrows(() => new Process({ permissions: permissions as Permissions }), TypeError);
    assertStringIncludes(error.message, message);
  });
}

const LIMITED = new URL("permissions/cage_parent.ts", FIXTURES);
const ADDON = new URL("../../target/release/libmultiprocessing.so", import.meta.url).pathname;

const PARENTS: [flags: string[], wanted: Permissions, outcome: string][] = [
  [["--allow-read=/a"], { read: ["/a/b"] }, "started"],
  [["--allow-read=/a"], { read: ["/a"] }, "started"],
  [["--allow-read=/a"], { read: "inherit" }, "started"],
  [["--allow-read=/a"], { read: ["/b"] }, 'no permission "read" for "/b" itself'],
  [["--allow-read=/a"], { read: ["/a", "/"] }, 'no permission "read" for "/" itself'],
  [["--allow-read=/a"], { read: ["/a/../b"] }, 'no permission "read" for "/b" itself'],
  [["--allow-read=/a"], { read: true }, 'no permission "read" itself'],
  [["--allow-read=/a"], { write: ["/a"] }, 'no permission "write" for "/a" itself'],
  [["--allow-read=/a", "--deny-read=/a/s"], { read: ["/a"] }, "started"],
  [["--allow-read=/a", "--deny-read=/a/s"], { read: ["/a/s/t"] }, 'no permission "read"'],
  [["--allow-read", "--deny-read=/a/s"], { read: true }, "started"],
  [["--allow-net=h:80"], { net: ["h:80"] }, "started"],
  [["--allow-net=h"], { net: ["h:80"] }, "started"],
  [["--allow-net=h:80"], { net: ["h"] }, 'no permission "net" for "h" itself'],
  [["--allow-net=h:80"], { net: ["h:81"] }, 'no permission "net"'],
  [["--allow-net=x.h"], { net: ["*.h"] }, 'no permission "net"'],
  [["--allow-net=*.h"], { net: ["*.h"] }, "started"],
  [["--allow-net", "--deny-net=h:80"], { net: ["h:80"] }, 'no permission "net"'],
  [["--allow-net"], { net: ["10.0.0.0/8"] }, "started"],
  [["--allow-net=10.0.0.1"], { net: ["10.0.0.0/8"] }, 'no permission "net"'],
  [["--allow-env=AX"], { env: ["A*"] }, 'no permission "env"'],
  [["--allow-env=A*"], { env: ["A*"] }, "started"],
  [["--allow-env=A*"], { env: ["AX"] }, "started"],
  [["--allow-run=true"], { run: ["true"] }, "started"],
  [["--allow-run=true"], { run: ["sh"] }, 'no permission "run"'],
  [["--allow-sys=hostname"], { sys: ["hostname"] }, "started"],
  [["--allow-sys=hostname"], { sys: true }, 'no permission "sys"'],
  [[], { ffi: true }, 'no permission "ffi" itself'],
  [[], { ffi: ["/x.so"] }, 'no permission "ffi" for "/x.so" itself'],
  [[], { import: ["example.com"] }, 'no permission "import"'],
  [[], "none", "started"],
  [[], {}, "started"],
];
for (const [flags, wanted, outcome] of PARENTS) {
  Deno.test(`a parent with ${flags.join(" ") || "nothing"} starts ${JSON.stringify(wanted)}: ${outcome}`, async () => {
    const text = await outputOf(LIMITED, {
      flags: [`--allow-ffi=${ADDON}`, "--no-prompt", ...flags],
      args: [JSON.stringify(wanted)],
    });
    if (outcome === "started") assertEquals(text, "started\n");
    else assertStringIncludes(text, 'NotCapable: Cannot start "Process-1" with those permissions: this process has ');
    assertStringIncludes(text, outcome);
  });
}

Deno.test("denials of the parent are repeated: a child that may read all may not read those", async () => {
  const text = await outputOf(LIMITED, {
    flags: ["-A", "--deny-read=/a/s", "--deny-net=h:80", "--no-prompt"],
    args: [
      JSON.stringify({ read: true, net: ["h"] }),
      JSON.stringify([{ name: "read", path: "/a/s/t" }, { name: "read", path: "/a" }, { name: "net", host: "h:80" }, {
        name: "net",
        host: "h:81",
      }]),
    ],
  });
  assertEquals(text, "started\n[false,true,false,true]\n");
});

Deno.test("a caged process starts children with its own permissions or fewer, not more", async () => {
  const before = belongings();
  const ask = async (wanted: Permissions, env?: Record<string, string>): Promise<unknown> => {
    using said = new Queue<unknown>();
    const descriptors = ["/a/b", "/a", "/"].map((path) => ({ name: "read", path }));
    await using child = new Process({
      target: targets.startNarrowed as (...args: unknown[]) => unknown,
      args: [said, wanted, descriptors, env],
      permissions: { read: ["/a"], env: ["MINE"] },
    });
    child.start();
    const outcome = await within(said.get());
    await within(child.join());
    return outcome;
  };
  assertEquals(await ask("inherit"), [true, true, false]);
  assertEquals(await ask({ read: ["/a/b"] }), [true, false, false]);
  assertEquals(await ask("none"), [false, false, false]);
  assertStringIncludes(String(await ask({ read: true })), "NotCapable");
  assertStringIncludes(String(await ask({ read: ["/"] })), "NotCapable");
  assertStringIncludes(String(await ask({ net: ["h"] })), "NotCapable");
  assertEquals(await ask("none", { MINE: "1" }), [false, false, false]);
  assertStringIncludes(String(await ask("none", { LD_PRELOAD: "/x.so" })), "not granted by name");
  await assertNothingLeft(before);
});

Deno.test("a permission that Deno does not know is refused by the constructor, unless all is granted", async () => {
  const options = { flags: [`--allow-ffi=${ADDON}`, "--no-prompt"], args: [JSON.stringify({ sys: ["nonsense"] })] };
  assertStringIncludes(await outputOf(LIMITED, options), 'TypeError: Cannot create a process: "permissions.sys" has');
});

Deno.test("forkserver: a child with permissions is started afresh, since those that wait have the parent's", async () => {
  using said = new Queue<boolean[]>();
  const context = getContext("forkserver");
  const descriptors = [{ name: "read", path: "/a" }, { name: "read", path: "/b" }] as const;
  for (const [permissions, states] of [["inherit", [true, true]], [{ read: ["/a"] }, [true, false]]] as const) {
    await using child = new context.Process({ target: targets.query, args: [said, [...descriptors]], permissions });
    child.start();
    await within(child.join());
    assertEquals([child.exitcode, said.getNowait()], [0, [...states]]);
  }
});

Deno.test("a caged process may use a connection that it was given, among its arguments or in a message", async () => {
  const [here, there] = Pipe();
  const [left, right] = Pipe();
  await using child = new Process({ target: targets.relay, args: [there], permissions: "none" });
  child.start();
  await within(here.send(right));
  await within(here.send("word"));
  assertEquals(await within(left.recv()), "word");
  await within(child.join());
  assertEquals(child.exitcode, 0);
  for (const connection of [here, there, left, right]) connection.close();
});
