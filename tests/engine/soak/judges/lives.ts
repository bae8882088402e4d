// Processes: each has ended, by a kill or in order; and the root has come to its end, with no more descriptors than before.

import type { Stories, Verdict } from "./stories.ts";

/** Descriptors that Deno opens for itself at some time: a pair of sockets. */
const DENOS_OWN = 2;
const KILLED = "-9";

export function judgeLives(stories: Stories, verdict: Verdict): void {
  const lives = new Set<string>();
  let [killed, lost, unstarted] = [0, 0, 0];
  for (const { event, args: [life, exitcode, how] } of stories.of("Process")) {
    if (event === "start") lives.add(life);
    if (event === "unstarted") unstarted++;
    if (event !== "end") continue;
    lives.delete(life);
    if (exitcode === KILLED) how === "lost" ? lost++ : killed++;
    else if (exitcode !== "0") verdict.violate("Process", `${life} ended with exit code ${exitcode}`);
  }
  for (const life of lives) verdict.violate("Process", `${life} has not ended`);
  const told = { "killed": killed, "lost with their host": lost, "not started": unstarted };
  verdict.count("Process", stories.of("Process").filter(({ event }) => event === "start").length, told);
  const root = stories.of("root");
  if (!root.some(({ event }) => event === "whole")) return verdict.violate("root", "it has not come to its end");
  const descriptors = (when: string) =>
    Number(root.find(({ event, args }) => event === "descriptors" && args[0] === when)?.args[1]);
  const [begin, end] = [descriptors("begin"), descriptors("end")];
  if (!(end <= begin + DENOS_OWN)) {
    verdict.violate("root", `it has ${end} descriptors, and had ${begin} at the beginning`);
  }
}
