// Prints what imports what: a table of units for the TypeScript of `src/`, and one for the modules of `native/core`.
//
// usage: deno run -A tools/graph.ts [CHECKOUT]
//
// A unit is a folder, together with the file of its name, which is its face; or a file in no folder. CHECKOUT is the folder
// of another checkout, so that before and after can be compared; its arrows are judged by its own `tools/floors.ts`, if
// it has one.

import {
  type Arrow,
  cycles,
  type Floors,
  type Graph,
  homeless,
  levels,
  unitsBelow,
  upward,
  without,
} from "./graph/arrows.ts";
import * as rust from "./graph/rust.ts";
import * as typescript from "./graph/typescript.ts";

/** A table of the graph's units, the highest first, and its figures. */
export function report(graph: Graph, floors: Floors | undefined): string {
  const below = unitsBelow(graph);
  const levelOf = levels(below);
  const units = [...below.keys()].sort((a, b) => levelOf.get(b)! - levelOf.get(a)! || (a < b ? -1 : 1));
  const files = Map.groupBy(graph.unitOf.values(), (unit) => unit);
  const arrows = below.values().reduce((sum, others) => sum + others.size, 0);
  const rings = cycles(below);
  const lines = [
    `## ${graph.name}`,
    "",
    "| level | unit | files | imports from |",
    "| --: | --- | --: | --- |",
    ...units.map((unit) =>
      `| ${levelOf.get(unit)} | ${unit} | ${files.get(unit)!.length} | ${[...below.get(unit)!].join(", ")} |`
    ),
    "",
    `units: ${units.length}`,
    `levels: ${Math.max(0, ...levelOf.values())}`,
    `arrows between units: ${arrows} (from file to file: ${graph.arrows.length})`,
  ];
  if (floors === undefined) lines.push("arrows upward: not known, this checkout declares no floors");
  else {
    const wrong = upward(graph, floors);
    lines.push(`arrows upward: ${wrong.length}`, ...wrong.map(({ from, to }) => `- ${from} imports ${to}`));
    const lost = homeless(graph, floors);
    if (lost.length > 0) lines.push(`on no floor: ${lost.join(", ")}`);
  }
  lines.push(`cycles of units: ${rings.length}`, ...rings.map((ring) => `- ${ring.join(", ")}`));
  return lines.join("\n");
}

/** What a checkout declares. */
interface Declared {
  readonly src?: Floors;
  readonly core?: Floors;
  readonly shared?: readonly string[];
  readonly beginnings: readonly Arrow[];
}

async function declaredIn(checkout: URL): Promise<Declared> {
  const file = new URL("tools/floors.ts", checkout);
  try {
    Deno.statSync(file);
  } catch {
    return { beginnings: [] };
  }
  const { BEGINNINGS, CORE_FLOORS, CORE_SHARED, SRC_FLOORS } = await import(file.href);
  return { src: SRC_FLOORS, core: CORE_FLOORS, shared: CORE_SHARED, beginnings: BEGINNINGS };
}

if (import.meta.main) {
  const root = Deno.args.length === 0
    ? new URL("../", import.meta.url)
    : new URL(`${Deno.realPathSync(Deno.args[0])}/`, "file:///");
  const { src, core, shared, beginnings } = await declaredIn(root);
  const modules = typescript.graphOf(typescript.readModules(root.pathname));
  console.log(report(without(modules, beginnings), src));
  for (const { from, to } of beginnings) console.log(`not counted, since it becomes what it imports: ${from}, ${to}`);
  console.log();
  const files = rust.readFiles(`${root.pathname}native/core/src`);
  console.log(report(rust.graphOf("native/core", files, shared), core));
}
