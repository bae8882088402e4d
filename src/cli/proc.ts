// What the system says of a process or thread: whether it runs, sleeps, is stopped, or has ended. From /proc.

import { shownName } from "../runtime/harmless.ts";

/** What a process or thread does at the moment, as the system has it. */
export type Activity = "running" | "sleeping" | "in the kernel" | "stopped" | "traced" | "ended" | "unknown";

/** What `/proc/<pid>/stat` says. */
export interface Status {
  /** The name of its program, as the system has it: at most 15 letters. */
  readonly program: string;
  readonly activity: Activity;
}

const ACTIVITIES: Readonly<Record<string, Activity>> = {
  R: "running",
  S: "sleeping",
  I: "sleeping",
  D: "in the kernel",
  T: "stopped",
  t: "traced",
  Z: "ended",
  X: "ended",
  x: "ended",
};

/** The status of a process, or of one of its threads; `undefined` if there is none, or it is hidden. */
export function statusOf(pid: number, tid = pid): Status | undefined {
  try {
    return parseStatus(Deno.readTextFileSync(tid === pid ? `/proc/${pid}/stat` : `/proc/${pid}/task/${tid}/stat`));
  } catch {
    return undefined;
  }
}

/** The line of a `stat` file. The name, which stands in brackets, may have brackets and spaces in it. */
export function parseStatus(line: string): Status {
  const [, program, letter] = line.match(/^\d+ \((.*)\) (\S)/s) ?? ["", "", "?"];
  return { program: shownName(program), activity: ACTIVITIES[letter] ?? "unknown" };
}

/** What is said of a process that does so, in a sentence that begins with its name. */
export function activityClause(activity: Activity, pid: number): string {
  switch (activity) {
    case "running":
      return "is running on the CPU";
    case "sleeping":
      return "sleeps, for something that is not this package's: a timer, a file, the network";
    case "in the kernel":
      return "waits in the kernel, mostly for a disk";
    case "stopped":
      return `is stopped (SIGSTOP or the like); "kill -CONT ${pid}" lets it go on`;
    case "traced":
      return "is stopped by a debugger";
    case "ended":
      return "has ended";
    case "unknown":
      return "does something that the system does not tell";
  }
}

/** The process that a thread is in, by the number that programs such as htop show; of what is no thread the same number. */
export function processOf(id: number): number {
  try {
    const [, group] = Deno.readTextFileSync(`/proc/${id}/status`).match(/^Tgid:\s+(\d+)$/m) ?? [];
    return Number(group ?? id);
  } catch {
    return id;
  }
}

/** The user that a process belongs to; `undefined` if there is no such process. */
export function ownerOf(pid: number): number | undefined {
  try {
    return Deno.statSync(`/proc/${pid}`).uid ?? undefined;
  } catch {
    return undefined;
  }
}
