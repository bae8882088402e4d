// All that is judged of a book.

import type { Line } from "../book.ts";
import { CARRIERS, GUARDED, NAMED, PARTS, PERMITTED } from "../parts.ts";
import { judgeList, judgeNamed, judgeSet } from "./kept.ts";
import { judgeLives } from "./lives.ts";
import { judgeMeetings } from "./meetings.ts";
import { judgeParcels } from "./parcels.ts";
import { judgePermits } from "./permits.ts";
import { judgeSections } from "./sections.ts";
import { Stories, Verdict } from "./stories.ts";
import { judgeTasks } from "./tasks.ts";

/** What the lines of a whole soak say. */
export function judge(lines: readonly Line[]): Verdict {
  const verdict = new Verdict();
  const stories = new Stories(lines);
  for (const part of stories.parts) {
    for (const { life, event, args } of stories.of(part)) {
      if (event === "fault") verdict.violate(part, `${life}: ${args.join(" ")}`);
    }
  }
  for (const part of GUARDED) judgeSections(part, stories, verdict);
  for (const part of PERMITTED) judgePermits(part, stories, verdict);
  judgeMeetings("Barrier", stories, verdict);
  for (const part of CARRIERS) judgeParcels(part, stories, verdict);
  for (const part of NAMED) judgeNamed(part, stories, verdict);
  judgeList("list", stories, verdict);
  judgeSet("set", stories, verdict);
  judgeTasks("Pool", stories, verdict);
  verdict.count("Event", stories.of("Event").length);
  judgeLives(stories, verdict);
  for (const part of PARTS) if (verdict.rows[part].operations === 0) verdict.violate(part, "nothing was done to it");
  return verdict;
}
