// Who may import from whom: a unit imports from lower floors only, so there are no cycles between units.
//
// tests/policy/arrows_test.ts holds the sources to it; `deno run -A tools/graph.ts` shows where they are. A unit is a
// folder, together with the file of its name, which is its face; or a file in no folder.

import type { Arrow, Floors } from "./graph/arrows.ts";

/** Of `src/` and `mod.ts`, the lowest floor first. */
export const SRC_FLOORS: Floors = [
  ["errors.ts"],
  ["runtime"],
  ["addon"],
  ["callable", "live", "waiting"],
  ["pickle", "reduction"],
  ["connection", "synchronize"],
  ["launch", "sharedctypes"],
  ["queues"],
  ["process"],
  ["pool"],
  ["managers"],
  ["contracts", "python_managers", "shared_memory"],
  ["engine"],
  ["context"],
  ["mod.ts"],
  ["child", "cli"],
];

/**
 * Imports that are no use of what stands above, but its beginning. A program made by `deno compile` is its own children and
 * becomes one by a literal `import()`, without which the compiled program would not contain that module. What managers need
 * to speak with Python is part of a program that imports pickles, and is loaded by managers.
 */
export const BEGINNINGS: readonly Arrow[] = [
  { from: "src/pickle/loads.ts", to: "src/python_managers/load.ts" },
  { from: "src/context/local.ts", to: "src/child/main.ts" },
];

/** Modules of `native/core` with members on several floors: each member is a unit. */
export const CORE_SHARED: readonly string[] = ["memory", "tree", "wait"];

/** Of the modules of `native/core`, the lowest floor first. */
export const CORE_FLOORS: Floors = [
  ["error"],
  ["sys"],
  ["failpoint", "cage", "memory/arena"],
  ["sync", "tree/processes", "wait/spin"],
  ["tree/graves", "wait/fairness", "wait/notes"],
  ["wait/block_on"],
  ["tree/threads", "wait", "sockets"],
  ["memory/heap", "memory/named"],
  ["tree/member"],
  ["memory/views", "process", "wait/reactor"],
  ["connection", "primitives", "queue"],
  ["live"],
  // What only lists its members.
  ["memory", "tree"],
];
