// What the book tells of each life: in which order it wrote, and whether it was killed.

import { type Line, ROOT } from "../book.ts";

/** A line with its place in the book. */
export interface Entry extends Line {
  readonly index: number;
}

/** What has been found in a book: what must not be, and what is counted for the table. */
export class Verdict {
  readonly violations: string[] = [];
  /** What was done to each part, and what others were told. */
  readonly rows: Record<string, { operations: number; told: Record<string, number> }> = {};

  violate(part: string, what: string): void {
    this.violations.push(`${part}: ${what}`);
  }

  count(part: string, operations: number, told: Record<string, number> = {}): void {
    const row = this.rows[part] ??= { operations: 0, told: {} };
    row.operations += operations;
    for (const [what, count] of Object.entries(told)) if (count > 0) row.told[what] = (row.told[what] ?? 0) + count;
  }
}

export class Stories {
  readonly #byPart: ReadonlyMap<string, readonly Entry[]>;
  readonly #last = new Map<string, number>();
  readonly #dead = new Set<string>();

  constructor(lines: readonly Line[]) {
    const entries = lines.map((line, index) => ({ ...line, index }));
    this.#byPart = Map.groupBy(entries, ({ part }) => part);
    for (const { life, index } of entries) this.#last.set(life, index);
    for (const { event, args: [life, exitcode] } of this.of("Process")) {
      if (event === "unstarted" || (event === "end" && exitcode !== "0")) this.#dead.add(life);
    }
  }

  /** The lines of a part, in their order. */
  of(part: string): readonly Entry[] {
    return this.#byPart.get(part) ?? [];
  }

  /** All parts. */
  get parts(): string[] {
    return [...this.#byPart.keys()];
  }

  /** Whether it was killed, by whatever. */
  isDead(life: string): boolean {
    return life !== ROOT && this.#dead.has(life);
  }

  /** Whether a life wrote nothing any more from that place on. */
  isSilentFrom(life: string, index: number): boolean {
    return (this.#last.get(life) ?? -1) < index;
  }

  /** The dead whose last line of a part is one of these events. */
  endedAt(part: string, ...events: string[]): string[] {
    const last = new Map<string, string>();
    for (const { life, event } of this.of(part)) last.set(life, event);
    return [...last].filter(([life, event]) => this.isDead(life) && events.includes(event)).map(([life]) => life);
  }
}
