// What the system tells of a process of the same user: processor time, memory, beginning, names of threads. All of it is
// from /proc (proc_pid_stat(5)), where Deno lets only programs with all permissions look.

import { harmless } from "../runtime/harmless.ts";
import { Date } from "../runtime/timing.ts";

/** Clock ticks in a second, as /proc counts them: `sysconf(_SC_CLK_TCK)` is 100 on every Linux. */
const TICKS_PER_SECOND = 100;

/** What is known of a process; `null` of what was not told. */
export interface Figures {
  readonly cpuMs: number | null;
  readonly memoryBytes: number | null;
  readonly startedAt: string | null;
  /** Whether it is stopped: by a signal or a debugger. */
  readonly isStopped: boolean;
}

/** Fields of a `stat` line from the third on. The name in the second may hold spaces and parentheses. */
function fieldsOf(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** The number at the beginning of a text; `null` if there is none. */
function numberIn(text: string | undefined): number | null {
  const number = Number.parseInt(text ?? "", 10);
  return Number.isSafeInteger(number) ? number : null;
}

/** When the system was booted, in milliseconds since 1970; `null` if that is not told. */
function bootTime(): number | null {
  const seconds = numberIn(/^btime (\d+)$/m.exec(textOf("/proc/stat"))?.[1]);
  return seconds === null ? null : seconds * 1000;
}

/** The contents of a file; empty if there is none any more, or it may not be read. */
function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** What the system tells of the process `pid`. */
export function figuresOf(pid: number): Figures {
  const fields = fieldsOf(textOf(`/proc/${pid}/stat`));
  const [user, system, start] = [fields[11], fields[12], fields[19]].map(numberIn);
  const resident = numberIn(/^VmRSS:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/status`))?.[1]);
  const boot = start === null ? null : bootTime();
  return {
    cpuMs: user === null || system === null ? null : (user + system) * 1000 / TICKS_PER_SECOND,
    memoryBytes: resident === null ? null : resident * 1024,
    isStopped: fields[0] === "T" || fields[0] === "t",
    startedAt: boot === null ? null : new Date(boot + start! * 1000 / TICKS_PER_SECOND).toISOString(),
  };
}

/** What the system calls a thread; empty if that is not told. A thread chooses its name itself. */
export function threadName(pid: number, tid: number): string {
  return harmless(textOf(`/proc/${pid}/task/${tid}/comm`).trimEnd());
}
