// The child's command line: how the parent's is read, what is repeated, and that nothing is ever widened.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { childArguments, type ParentCommandLine } from "../../src/launch/child_command_line.ts";
import { entryModule } from "../../src/launch/entry.ts";

const ENTRY = entryModule("file:///package/src/child_main.ts", ["file:///app/main.ts"]);
const MAIN = "file:///app/main.ts";

type Query = NonNullable<ParentCommandLine["query"]>;

/** A parent that holds exactly `granted`, written `name` or `name:item`. */
function holding(...granted: string[]): Query {
  return (descriptor) => {
    const fields = descriptor as unknown as Record<string, string>;
    const item = fields.path ?? fields.host ?? fields.variable ?? fields.kind ?? fields.command;
    const isHeld = granted.includes("*") || granted.includes(descriptor.name) ||
      (item !== undefined && granted.includes(`${descriptor.name}:${item}`));
    return { state: isHeld ? "granted" : "prompt", partial: granted.includes(`${descriptor.name}:partial`) };
  };
}

/** The flags a child is given by a parent started with `line`, without the ones every child gets. */
function flagsOf(line: string | string[], query: Query = holding("*"), more: Partial<ParentCommandLine> = {}) {
  const argv = typeof line === "string" ? line.split(" ") : line;
  const child = childArguments({
    argv,
    execPath: "/bin/deno",
    mainModule: MAIN,
    args: ["a", "--b"],
    entry: ENTRY,
    cwd: "/work dir",
    query,
    ...more,
  });
  assertEquals(child.slice(0, 2), ["/bin/deno", "run"]);
  assertEquals(child.slice(-5), ["--no-prompt", `--preload=${ENTRY}`, MAIN, "a", "--b"]);
  return child.slice(2, -5);
}

const ALL = "--allow-all";
const CASES: [line: string, expected: string[]][] = [
  // Where the flags end.
  ["deno run -A main.ts a --b", [ALL]],
  ["deno -A main.ts --config=c.json", [ALL]],
  ["deno main.ts -A", []],
  ["deno run -A main.ts -- --seed=1", [ALL]],
  ["deno run -A - --seed=1", [ALL]],
  ["deno --log-level debug run -A main.ts", ["--log-level=debug", ALL]],
  ["deno run --seed 3 --lock my.lock -A main.ts", ["--seed=3", "--lock=/work dir/my.lock", ALL]],
  ["deno run --lock -A main.ts", ["--lock=/work dir/deno.lock", ALL]],
  ["deno run -A --lock --seed=3 main.ts", ["--lock=/work dir/deno.lock", "--seed=3", ALL]],
  ["deno run --location http://host/ main.ts --seed=1", ["--location=http://host/"]],
  // Other commands.
  ["deno test -A --no-check --filter x --parallel --shuffle=1 a_test.ts --fail-fast", [ALL]],
  ["deno test a_test.ts -A -- --seed=1", [ALL]],
  ["deno test --coverage -A", ["--coverage=/work dir/coverage", ALL]],
  ["deno bench --json --allow-read b_bench.ts --no-run", ["--allow-read"]],
  ["deno eval --ext ts console.log(1) --seed=1", [ALL]],
  ["deno serve --port 0 --host ::1 --allow-net main.ts", ["--allow-net"]],
  ["deno repl --eval x --allow-env", [ALL]],
  ["deno", [ALL]],
  // Configuration is repeated, with absolute paths.
  ["deno run -c deno.json main.ts", ["--config=/work dir/deno.json"]],
  ["deno run -c./deno.json main.ts", ["--config=/work dir/deno.json"]],
  ["deno run --config=/deno.json main.ts", ["--config=/deno.json"]],
  ["deno run --import-map https://host/map.json main.ts", ["--import-map=https://host/map.json"]],
  ["deno run --no-config --no-lock --no-npm main.ts", ["--no-config", "--no-lock", "--no-npm"]],
  ["deno run --v8-flags=--expose-gc,--stack-size=2000 main.ts", ["--v8-flags=--expose-gc,--stack-size=2000"]],
  ["deno run --unstable-kv --unstable-cron main.ts", ["--unstable-kv", "--unstable-cron"]],
  ["deno run --node-modules-dir=none --vendor main.ts", ["--node-modules-dir=none", "--vendor"]],
  ["deno run --cached-only --no-remote --frozen -q main.ts", ["--cached-only", "--no-remote", "--frozen", "--quiet"]],
  ["deno run --cert ca.pem --ext ts main", ["--cert=/work dir/ca.pem", "--ext=ts"]],
  ["deno run --preload ./setup.ts main.ts", ["--preload=/work dir/setup.ts"]],
  // What concerns the parent alone is dropped.
  ["deno run --inspect --inspect-brk=0:1 --watch=a,b --no-clear-screen --reload -r=npm: main.ts", []],
  ["deno run --check=all --no-prompt --env-file=.env main.ts", []],
  // Permissions.
  ["deno run -RE -W=out -N main.ts", ["--allow-read", "--allow-env", "--allow-write=/work dir/out", "--allow-net"]],
  ["deno run --allow-read=a,/b --allow-run=git,./x main.ts", [
    "--allow-read=/work dir/a,/b",
    "--allow-run=git,/work dir/x",
  ]],
  ["deno run --allow-net=unix:s,*.host main.ts", ["--allow-net=unix:/work dir/s,*.host"]],
  ["deno run -A --deny-read=secret --ignore-env=X main.ts", [
    ALL,
    "--deny-read=/work dir/secret",
    "--ignore-env=X",
  ]],
  ["deno run -P main.ts", ["--permission-set"]],
  ["deno run -P=small -c deno.json main.ts", ["--config=/work dir/deno.json", "--permission-set=small"]],
];

Deno.test("command line: a parent's flags become its child's", () => {
  for (const [line, expected] of CASES) assertEquals(flagsOf(line), expected, line);
});

Deno.test("command line: spaces and # in the script's name", () => {
  assertEquals(flagsOf(["deno", "run", "-A", "sp ace#1.ts", "--seed=1"]), [ALL]);
});

Deno.test("command line: a permission given up at run time is not passed on", () => {
  const some = holding("read", "env", "ffi", "net:x.host", "read:/b");
  assertEquals(flagsOf("deno run -A main.ts", some), ["--allow-read", "--allow-env", "--allow-ffi"]);
  assertEquals(flagsOf("deno eval 1", some), ["--allow-read", "--allow-env", "--allow-ffi"]);
  assertEquals(flagsOf("deno run --allow-net=*.host,other --allow-run main.ts", some), ["--allow-net=*.host"]);
  assertEquals(flagsOf("deno run --allow-read=/a,/b main.ts", holding("read:/b")), ["--allow-read=/b"]);
  assertEquals(flagsOf("deno run --allow-read=/a main.ts", holding()), []);
});

Deno.test("command line: an item that Deno cannot be asked about is not passed on", () => {
  const refusing: Query = () => {
    throw new URIError("invalid host");
  };
  assertEquals(flagsOf("deno run --allow-net=: --allow-read main.ts", refusing), []);
});

Deno.test("command line: the permission set of tests is not the one of scripts", () => {
  assertEquals(flagsOf("deno test -P", holding("read", "net", "net:partial", "env:X")), ["--allow-read"]);
  assertEquals(flagsOf("deno test -P=small", holding()), ["--permission-set=small"]);
});

Deno.test("command line: relative permissions in a directory with a comma are refused, absolute ones are not", () => {
  for (const flag of ["-R=x", "--deny-read=./secret", "--deny-write=/a,x"]) {
    assertThrows(() => flagsOf(`deno run ${flag} main.ts`, holding("*"), { cwd: "/a,b" }), TypeError, "has a comma");
  }
  assertEquals(flagsOf("deno run -R=/x main.ts", holding("*"), { cwd: "/a,b" }), ["--allow-read=/x"]);
});

Deno.test("command line: permission flags given by the caller replace the parent's", () => {
  const permissionFlags = ["--allow-ffi=/addon.so"];
  assertEquals(flagsOf("deno run -A --deny-net -q main.ts", holding("*"), { permissionFlags }), [
    "--quiet",
    "--allow-ffi=/addon.so",
  ]);
});

Deno.test("command line: a child's own child has one entry", () => {
  const child = childArguments({
    argv: ["deno", "run", "-A", "--preload=setup.ts", "main.ts"],
    execPath: "deno",
    mainModule: MAIN,
    args: [],
    entry: ENTRY,
    cwd: "/",
    query: holding("*"),
  });
  assertEquals(flagsOf(child), ["--preload=/setup.ts", ALL]);
});

Deno.test("command line: a Worker, which has no main module, reads it from the command line", () => {
  const mainOf = (...argv: string[]) =>
    childArguments({ argv, execPath: "", mainModule: undefined, args: [], entry: ENTRY, cwd: "/d", query: holding() })
      .at(-1);
  assertEquals(mainOf("deno", "run", "-A", "./a b.ts", "x"), "/d/a b.ts");
  assertEquals(mainOf("deno", "https://host/main.ts"), "https://host/main.ts");
  for (const argv of [["deno", "eval", "1"], ["deno", "test", "a.ts"], ["deno", "run", "-"]]) {
    assertEquals(mainOf(...argv), "/d/$deno$none.mts");
  }
});

/** Writes `files` to a new folder, whose URL is passed to `body`. */
async function withFolder(files: Record<string, string>, body: (folder: URL) => Promise<void>) {
  const path = await Deno.makeTempDir({ prefix: "command line #" });
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${path}/${name}`, text);
    await body(new URL(`file://${encodeURI(path).replaceAll("#", "%23")}/`));
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

async function output([command, ...args]: string[], options: Deno.CommandOptions = {}) {
  const { code, stdout, stderr } = await new Deno.Command(command, { args, ...options }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout).trim();
}

const CHILD_MAIN = `export async function start(loaders: Record<string, () => Promise<Record<string, unknown>>>) {
  const [url] = Object.keys(loaders);
  const { work } = await loaders[url]() as { work: () => string };
  console.log(work(), Deno.mainModule === url, Deno.args.join("|"));
  Deno.exit(0);
}`;

Deno.test("command line: without read permission the main module and what it imports load, not as main", () =>
  withFolder({
    "deno.json": `{ "imports": { "#lib": "./lib.ts" } }`,
    "lib.ts": `export const lib: string = "lib";`,
    "child_main.ts": CHILD_MAIN,
    "sp ace#.ts": `import { lib } from "#lib"; export function work() { return lib + import.meta.main; }`,
  }, async (folder) => {
    const mainModule = new URL("sp%20ace%23.ts", folder).href;
    const child = childArguments({
      argv: ["deno", "run", "sp ace#.ts", "a b"],
      execPath: Deno.execPath(),
      mainModule,
      args: ["a b", "--", "-c"],
      entry: entryModule(new URL("child_main.ts", folder).href, [mainModule, new URL("missing.ts", folder).href]),
      cwd: "/",
    });
    assertEquals(await output(child, { cwd: "/" }), "libfalse true a b|--|-c");
  }));

Deno.test("command line: a child of run, test and eval", () =>
  withFolder({
    "child_main.ts": CHILD_MAIN,
    "main.ts": `import { childArguments } from ${
      JSON.stringify(new URL("../../src/launch/child_command_line.ts", import.meta.url))
    };
import { entryModule } from ${JSON.stringify(new URL("../../src/launch/entry.ts", import.meta.url))};
export const work = () => "worked";
export async function spawn() {
  const argv = Deno.readTextFileSync("/proc/self/cmdline").split("\\0").slice(0, -1);
  const entry = entryModule(import.meta.resolve("./child_main.ts"), [import.meta.url]);
  const [path, ...args] = childArguments({ argv, execPath: Deno.execPath(), mainModule: Deno.mainModule, args: Deno.args, entry, cwd: Deno.cwd() });
  console.log(new TextDecoder().decode(new Deno.Command(path, { args }).outputSync().stdout));
}
if (import.meta.main) await spawn();`,
    "main_test.ts": `import { spawn } from "./main.ts"; Deno.test("spawn", spawn);`,
  }, async (folder) => {
    const cwd = folder;
    const deno = Deno.execPath();
    assertEquals(await output([deno, "run", "-A", "main.ts", "x"], { cwd }), "worked true x");
    assertEquals(await output([deno, "-A", "main.ts", "x", "y"], { cwd }), "worked true x|y");
    const tested = await output([deno, "test", "-A", "--no-check", "main_test.ts", "--", "x"], { cwd });
    assert(tested.includes("worked false x"), tested);
    const code = `import { spawn } from "./main.ts"; await spawn();`;
    assertEquals(await output([deno, "eval", code, "x"], { cwd }), "worked false x");
  }));
