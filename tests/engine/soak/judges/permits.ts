// Semaphores: never more have a permit than there are, and none is gone but with a process that was killed with it.

import { PERMITS, type Permitted } from "../parts.ts";
import type { Stories, Verdict } from "./stories.ts";

export function judgePermits(part: Permitted, stories: Stories, verdict: Verdict): void {
  let holders = 0;
  let given = 0;
  let operations = 0;
  let left = NaN;
  for (const { event, args } of stories.of(part)) {
    if (event === "got") holders++;
    if (event === "back" || event === "given") holders--;
    if (event === "given") given++;
    if (event === "done") operations++;
    if (event === "left") left = Number(args[0]);
    if (holders > PERMITS) verdict.violate(part, `${holders} have one of ${PERMITS} permits`);
  }
  const certain = stories.endedAt(part, "got").length;
  const unsure = stories.endedAt(part, "try", "back").length;
  if (given !== certain) verdict.violate(part, `${certain} were killed with a permit, and ${given} were given back`);
  if (!(left <= PERMITS && left >= PERMITS - unsure)) {
    verdict.violate(part, `${left} permits at the end, wanted ${PERMITS - unsure} to ${PERMITS}`);
  }
  verdict.count(part, operations, { "permits given back for the dead": given });
}
