// The steps of the gate, in the order in which they begin: every static check, every test, and what else must not rot.

import config from "../../deno.json" with { type: "json" };
import { TESTED_MAP } from "../tested.ts";
import { CARGO_SUMMARY, DENO_SUMMARY } from "./tally.ts";

/** One command of the gate. */
export interface Step {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What the runner's summary lines look like. Without it, the step is one check. */
  readonly summary?: RegExp;
  /** A command that fails where the tool is not installed; the step is then left out. */
  readonly probe?: readonly string[];
  /** Of the steps that need the same, one runs at a time. */
  readonly needs?: string;
  /** The word of the command line that tests are looked for by their names with. */
  readonly word?: string;
}

/** The package's folder. */
export const ROOT = new URL("../../", import.meta.url);

const DENO = Deno.execPath();
const EXPORTS = [...new Set(Object.values(config.exports))];
const CARGO_TEST = ["cargo", "test", "--no-fail-fast"];
/** For so many seconds each fuzzer runs. */
const FUZZ_SECONDS = 5;

/**
 * Runs Deno's tests. Without types, which are checked by themselves: Deno would check them once more for each Worker, for
 * seconds each.
 */
export function denoTest(name: string, args: readonly string[]): Step {
  const command = [DENO, "test", "-A", "--no-check", "--sanitize-ops", "--sanitize-resources", ...args];
  return { name, command, summary: DENO_SUMMARY };
}

/** Runs the code in documentation: comments of modules, and pages of Markdown. */
export function docTest(name: string, files: readonly string[]): Step {
  return { name, command: [DENO, "test", "--doc", "-A", ...files], summary: DENO_SUMMARY };
}

/** Runs the tests of the native code, or those whose names contain `filter`. */
export function cargoTest(name: string, filter: readonly string[] = []): Step {
  return { name, command: [...CARGO_TEST, ...filter], summary: CARGO_SUMMARY, needs: "cargo" };
}

/** Tests of queues have a process of their own: a wait at a queue is given up where nothing else goes on, and a Worker of
 * an earlier module that Deno could not stop would go on. */
export const APART = "tests/queues/";

type Part = readonly [name: string, ...paths: string[]];

/** Parts whose tests look at the sources, have a part of them alone, or start programs that import them by their places. */
const OF_SOURCES: readonly string[] = ["others", "engine"];

/**
 * Deno's tests, in parts that take about as long as each other, by names. A file is in the part that has the longest of the
 * paths above it. A test may count what is its own process's or tree's, but not what is the system's: other parts run.
 */
const PARTS: readonly Part[] = [
  ["managers", "tests/managers/"],
  ["pools, spawn", "tests/pool/spawn_test.ts"],
  ["pools", "tests/pool/"],
  ["processes", "tests/process/", "tests/launch/", "tests/context/", "tests/contract/"],
  ["others", "tests/"],
  ["shared objects", "tests/synchronize/", "tests/sharedctypes/", "tests/waiting/", "tests/connection/"],
  ["engine", "tests/engine/"],
  ["python", "tests/python/"],
  ["queues", APART],
];

/** The steps that run all tests of Deno. */
export function denoTests(): Step[] {
  const all = PARTS.flatMap(([, ...paths]) => paths);
  return PARTS.map(([name, ...paths]) => {
    const inside = all.filter((path) => !paths.includes(path) && paths.some((folder) => path.startsWith(folder)));
    const ignored = inside.length > 0 ? [`--ignore=${inside.join()}`] : [];
    const tested = OF_SOURCES.includes(name) ? [] : [`--import-map=${TESTED_MAP.pathname}`];
    return denoTest(`deno test, ${name}`, [...tested, ...ignored, ...paths]);
  });
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(new URL(path, ROOT)).isFile;
  } catch {
    return false;
  }
}

function fuzzers(): Step[] {
  const names = [...Deno.readDirSync(new URL("tests/fuzz/", ROOT))].map(({ name }) => name);
  return names.filter((name) => name.endsWith(".ts")).sort().map((name) => ({
    name: `fuzz for ${FUZZ_SECONDS} s: ${name.replace(/\.ts$/, "")}`,
    command: [DENO, "run", "-A", `tests/fuzz/${name}`, `--seconds=${FUZZ_SECONDS}`],
  }));
}

/** All steps. */
export function steps(): Step[] {
  const core = [...CARGO_TEST, "--package", "multiprocessing-core"];
  const list: (Step | false)[] = [
    { name: "deno fmt", command: [DENO, "fmt", "--check"] },
    { name: "deno lint", command: [DENO, "lint"] },
    { name: "deno check", command: [DENO, "check", "mod.ts", "cli.ts", "src", "tests", "bench", "examples", "tools"] },
    { name: "deno doc --lint", command: [DENO, "doc", "--lint", ...EXPORTS] },
    { name: "cargo fmt", command: ["cargo", "fmt", "--all", "--check"], probe: ["cargo", "fmt", "--version"] },
    {
      name: "cargo clippy",
      command: ["cargo", "clippy", "--all-targets", "--all-features", "--", "-D", "warnings"],
      probe: ["cargo", "clippy", "--version"],
      needs: "cargo",
    },
    cargoTest("cargo test"),
    isThere("native/core/tests/crash.rs") && {
      name: "cargo test, killed at each failpoint",
      command: [...core, "--features", "failpoints", "--test", "crash"],
      summary: CARGO_SUMMARY,
      needs: "cargo",
    },
    isThere("native/core/tests/loom.rs") && {
      name: "cargo test, every interleaving (loom)",
      command: [...core, "--profile", "loom", "--test", "loom"],
      env: { RUSTFLAGS: "--cfg loom", CARGO_TARGET_DIR: "target/loom" },
      summary: CARGO_SUMMARY,
      needs: "cargo",
    },
    ...denoTests(),
    docTest("deno test --doc", ["src", "mod.ts"]),
    { name: "bench, each case once", command: [DENO, "run", "-A", "bench/main.ts", "--repeats=1", "--smoke"] },
    ...fuzzers(),
  ];
  return list.filter((step) => step !== false);
}
