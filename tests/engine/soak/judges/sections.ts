// Counts under locks: nobody is inside while another is; each finds what the last one left; and whoever comes after one that
// was killed inside is told.

import type { Guarded } from "../parts.ts";
import type { Stories, Verdict } from "./stories.ts";

/** Somebody's time inside. */
interface Section {
  readonly life: string;
  readonly index: number;
  readonly found: number;
  readonly token: number | null;
  /** What was left, and the place of the line that says so; `null` if its life ended before. */
  left: { count: number; index: number } | null;
  /** Whether it had let go. */
  isDone: boolean;
}

/** The bytes of these travel with the lock: they are written when it is released. */
const AT_RELEASE: readonly Guarded[] = ["Value", "Array"];

export function judgeSections(part: Guarded, stories: Stories, verdict: Verdict): void {
  const { sections, told } = sectionsOf(part, stories);
  sections.forEach((section, i) => {
    if (i > 0) judgePair(part, sections[i - 1], section, stories, verdict);
    if (section.left === null && !stories.isDead(section.life)) {
      verdict.violate(part, `${section.life} went in and never came out`);
    }
  });
  const inside = sections.filter(({ left }) => left === null).length;
  const triers = stories.endedAt(part, "try", "park", "told").length;
  const leaving = stories.endedAt(part, "out").length;
  if (told < inside - triers) verdict.violate(part, `${inside} were killed inside, and ${told} times it was told`);
  if (told > inside + triers + leaving) {
    verdict.violate(part, `${told} were told of a death, of at most ${inside + triers + leaving}`);
  }
  verdict.count(part, sections.filter(({ isDone }) => isDone).length, { OwnerDiedError: told });
}

function sectionsOf(part: Guarded, stories: Stories): { sections: Section[]; told: number } {
  const sections: Section[] = [];
  const open = new Map<string, Section>();
  let told = 0;
  for (const { life, event, index, args } of stories.of(part)) {
    const section = open.get(life);
    switch (event) {
      case "told":
        told++;
        break;
      case "in": {
        const [found, token, recovered] = args;
        if (recovered === "recovered") told++;
        const next: Section = {
          ...{ life, index, found: Number(found), token: token === "-" ? null : Number(token) },
          ...{ left: null, isDone: false },
        };
        sections.push(next);
        open.set(life, next);
        break;
      }
      case "out":
        section!.left = { count: Number(args[0]), index };
        break;
      case "park":
        section!.left = { count: Number(args[0]), index };
        section!.isDone = true;
        break;
      case "done":
        section!.isDone = true;
    }
  }
  return { sections, told };
}

function judgePair(part: Guarded, first: Section, next: Section, stories: Stories, verdict: Verdict): void {
  const isGone = first.left === null ? stories.isSilentFrom(first.life, next.index) : first.left.index < next.index;
  if (!isGone) verdict.violate(part, `${first.life} and ${next.life} were inside at the same time`);
  if (!mayBeLeft(part, first).includes(next.found)) {
    verdict.violate(
      part,
      `${next.life} found ${next.found} where ${first.life} had found ${first.found} and left ${first.left?.count}`,
    );
  }
  if (first.token !== null && next.token !== null && next.token <= first.token) {
    verdict.violate(part, `the token ${next.token} came after ${first.token}`);
  }
}

/** What the next one may find. */
function mayBeLeft(part: Guarded, { found, left, isDone }: Section): number[] {
  if (left === null) return part === "Condition" ? [found - 1, found, found + 1] : [found, found + 1];
  return isDone || !AT_RELEASE.includes(part) ? [left.count] : [found, left.count];
}
