// A graph of files and who imports whom, seen by units: what they stand on, and what stands on what it should carry.

/** One file imports another; paths are relative to the graph's folder. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
}

/** Files, and which of them import which. */
export interface Graph {
  /** What it is a graph of, for headings. */
  readonly name: string;
  /** All files, with their units. */
  readonly unitOf: ReadonlyMap<string, string>;
  readonly arrows: readonly Arrow[];
}

/** Units on each floor, the lowest floor first. A unit imports from lower floors only. */
export type Floors = readonly (readonly string[])[];

/** The graph without some of its arrows. */
export function without(graph: Graph, left: readonly Arrow[]): Graph {
  const isLeft = (arrow: Arrow) => left.some(({ from, to }) => arrow.from === from && arrow.to === to);
  return { ...graph, arrows: graph.arrows.filter((arrow) => !isLeft(arrow)) };
}

/** The units that each unit imports from, itself left out. Both in alphabetical order. */
export function unitsBelow({ unitOf, arrows }: Graph): Map<string, Set<string>> {
  const below = new Map([...new Set(unitOf.values())].sort().map((unit) => [unit, new Set<string>()]));
  const pairs = arrows.map(({ from, to }) => [unitOf.get(from)!, unitOf.get(to)!]);
  for (const [from, to] of pairs.sort()) if (from !== to) below.get(from)!.add(to);
  return below;
}

/** The sets of units that import each other, directly or through others. */
export function cycles(below: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const reached = new Map([...below.keys()].map((unit) => [unit, reachable(below, unit)]));
  const found: string[][] = [];
  for (const unit of below.keys()) {
    if (!reached.get(unit)!.has(unit) || found.some((cycle) => cycle.includes(unit))) continue;
    found.push([...reached.get(unit)!].filter((other) => reached.get(other)!.has(unit)).sort());
  }
  return found;
}

function reachable(below: ReadonlyMap<string, ReadonlySet<string>>, start: string): Set<string> {
  const found = new Set<string>();
  const open = [start];
  for (let unit = open.pop(); unit !== undefined; unit = open.pop()) {
    for (const next of below.get(unit)!) {
      if (!found.has(next)) open.push(next);
      found.add(next);
    }
  }
  return found;
}

/** On which level each unit stands: 1 if it imports from none, else one above the highest that it imports from. The
 * units of a cycle stand on one level. */
export function levels(below: ReadonlyMap<string, ReadonlySet<string>>): Map<string, number> {
  const peers = new Map(cycles(below).flatMap((cycle) => cycle.map((unit) => [unit, cycle])));
  const found = new Map<string, number>();
  const levelOf = (unit: string): number => {
    const known = found.get(unit);
    if (known !== undefined) return known;
    const cycle = peers.get(unit) ?? [unit];
    const under = cycle.flatMap((peer) => [...below.get(peer)!]).filter((other) => !cycle.includes(other));
    const level = 1 + Math.max(0, ...under.map(levelOf));
    for (const peer of cycle) found.set(peer, level);
    return level;
  };
  for (const unit of below.keys()) levelOf(unit);
  return found;
}

/** The arrows that lead from a unit to one on the same floor or a higher one, or to or from a unit on no floor. */
export function upward({ unitOf, arrows }: Graph, floors: Floors): Arrow[] {
  const floorOf = new Map(floors.flatMap((units, floor) => units.map((unit) => [unit, floor])));
  return arrows.filter(({ from, to }) => {
    const [upper, lower] = [unitOf.get(from)!, unitOf.get(to)!];
    return upper !== lower && !(floorOf.get(upper)! > floorOf.get(lower)!);
  });
}

/** The units that stand on no floor. */
export function homeless({ unitOf }: Graph, floors: Floors): string[] {
  const placed = new Set(floors.flat());
  return [...new Set(unitOf.values())].filter((unit) => !placed.has(unit)).sort();
}
