// Barriers: a round is passed by all or by none, and each has run the action once.

import { PARTIES } from "../parts.ts";
import type { Stories, Verdict } from "./stories.ts";

export function judgeMeetings(part: "Barrier", stories: Stories, verdict: Verdict): void {
  const passed = Array.from({ length: PARTIES }, () => 0);
  const ran = new Set<string>();
  let rounds = 0;
  let broken = 0;
  for (const { life, event, args } of stories.of(part)) {
    if (event === "action") {
      rounds++;
      ran.add(life);
    } else if (event === "passed") {
      passed[Number(args[0])]++;
      ran.delete(life);
    } else if (event === "broken") {
      broken++;
      // Somebody did not wait any longer while the action ran: nobody has passed.
      if (ran.delete(life)) rounds--;
    }
  }
  const interrupted = stories.endedAt(part, "try", "action").length;
  passed.forEach((count, index) => {
    if (count > rounds || count < rounds - interrupted) {
      verdict.violate(part, `${count} passed as number ${index}, in ${rounds} rounds with ${interrupted} deaths`);
    }
  });
  verdict.count(part, passed.reduce((sum, count) => sum + count, 0), { BrokenBarrierError: broken });
}
