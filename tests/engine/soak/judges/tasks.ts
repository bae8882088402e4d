// The pool: each task has one result, or it is told why it has none; it is begun anew only after whoever ran it was killed.

import type { Entry, Stories, Verdict } from "./stories.ts";

export function judgeTasks(part: "Pool", stories: Stories, verdict: Verdict): void {
  const ended = stories.of(part).filter(({ event }) => event === "ended").length;
  const byTask = Map.groupBy(stories.of(part).filter(({ event }) => event !== "ended"), ({ args: [n] }) => n);
  let [results, anew, told] = [0, 0, 0];
  for (const [n, entries] of byTask) {
    const those = (event: string) => entries.filter((entry) => entry.event === event);
    const outcomes = [...those("result"), ...those("told")];
    if (outcomes.length !== 1) verdict.violate(part, `the task ${n} has ${outcomes.length} outcomes`);
    for (const { args: [, value] } of those("result")) {
      results++;
      if (Number(value) !== 2 * Number(n)) verdict.violate(part, `the task ${n} gave ${value}`);
      if (those("ran").length === 0) verdict.violate(part, `the task ${n} has a result, and nobody ran it to its end`);
    }
    told += those("told").length;
    anew += Math.max(0, those("run").length - 1);
    judgeRuns(n, those("run"), stories, (what) => verdict.violate(part, what));
  }
  verdict.count(part, results, { "begun anew": anew, "not done, which was told": told, "pools given up": ended });
}

function judgeRuns(n: string, runs: readonly Entry[], stories: Stories, violate: (what: string) => void): void {
  runs.slice(1).forEach((run, i) => {
    const before = runs[i];
    if (Number(run.args[1]) <= Number(before.args[1])) violate(`the attempt ${run.args[1]} of task ${n} came twice`);
    if (!stories.isSilentFrom(before.life, run.index)) {
      violate(`the task ${n} was begun by ${run.life} while ${before.life} was alive, which had begun it`);
    }
  });
}
