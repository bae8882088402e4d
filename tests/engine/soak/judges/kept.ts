// What a manager keeps: each change that was acknowledged is there once, and others once or not at all.

import type { Named } from "../parts.ts";
import type { Stories, Verdict } from "./stories.ts";

export function judgeNamed(part: Named, stories: Stories, verdict: Verdict): void {
  /** By key: the last value that was written, and whether that was acknowledged. */
  const own = new Map<string, { count: number; isDone: boolean }>();
  const adding = new Set<string>();
  let [begun, done, operations] = [0, 0, 0];
  const left = new Map<string, number>();
  for (const { life, event, args } of stories.of(part)) {
    if (event === "set") own.set(life, { count: Number(args[0]), isDone: false });
    if (event === "add") {
      begun++;
      adding.add(life);
    }
    if (event === "done") {
      operations++;
      if (adding.delete(life)) done++;
      else own.get(life)!.isDone = true;
    }
    if (event === "left") left.set(args[0], Number(args[1]));
  }
  for (const [life, { count, isDone }] of own) {
    const found = left.get(life) ?? 0;
    if (found !== count && (isDone || found !== count - 1)) {
      verdict.violate(part, `${life} has ${found}, wanted ${isDone ? count : `${count - 1} or ${count}`}`);
    }
  }
  const all = left.get("all") ?? 0;
  if (!(all >= done && all <= begun)) verdict.violate(part, `all have made ${all}, wanted ${done} to ${begun}`);
  verdict.count(part, operations);
}

export function judgeList(part: "list", stories: Stories, verdict: Verdict): void {
  const acknowledged = new Map<string, boolean>();
  const found = new Map<string, number>();
  for (const { event, args: [id] } of stories.of(part)) {
    if (event === "add") acknowledged.set(id, false);
    if (event === "done") acknowledged.set(id, true);
    if (event === "left") found.set(id, (found.get(id) ?? 0) + 1);
  }
  for (const [id, isDone] of acknowledged) {
    const times = found.get(id) ?? 0;
    if (times > 1 || (isDone && times === 0)) verdict.violate(part, `the item ${id} is there ${times} times`);
    found.delete(id);
  }
  for (const id of found.keys()) verdict.violate(part, `the item ${id} is there, which nobody has added`);
  verdict.count(part, [...acknowledged.values()].filter((isDone) => isDone).length);
}

/** Whoever takes a member is the only one; one that was killed meanwhile may have taken one. */
export function judgeSet(part: "set", stories: Stories, verdict: Verdict): void {
  const acknowledged = new Map<string, boolean>();
  const found = new Map<string, number>();
  let operations = 0;
  for (const { event, args: [id] } of stories.of(part)) {
    if (event === "add") acknowledged.set(id, false);
    if (event === "done") acknowledged.set(id, true);
    if (event === "popped" || event === "left") found.set(id, (found.get(id) ?? 0) + 1);
    if (event === "done" || event === "popped") operations++;
  }
  let missing = 0;
  for (const [id, isDone] of acknowledged) {
    const times = found.get(id) ?? 0;
    if (times > 1) verdict.violate(part, `the member ${id} came ${times} times`);
    if (isDone && times === 0) missing++;
    found.delete(id);
  }
  for (const id of found.keys()) verdict.violate(part, `the member ${id} came, which nobody has added`);
  const taking = stories.endedAt(part, "pop").length;
  if (missing > taking) verdict.violate(part, `${missing} members are missing, and ${taking} were killed taking one`);
  verdict.count(part, operations, { "lost with their taker": missing });
}
