// Who can be killed: a process of this tree, or a program with a tree of its own.

import { type Process, ProcessError } from "@parallel/multiprocessing";
import { pause } from "./stage.ts";

export interface Victim {
  readonly pid: number;
  /** Its exit code, −n after signal n, once it has ended. */
  readonly ended: Promise<number>;
  /** Whether its end was seen, since nobody told of it. */
  readonly isLate?: () => boolean;
  signal(name: "SIGKILL"): void;
  /** Stops it for so many milliseconds. */
  stopFor(ms: number): Promise<void>;
}

/** Starts the process. */
export function started(process: Process): Victim {
  process.start();
  const pid = process.pid!;
  const end = async () => {
    // Whoever is killed before it has begun is told of in words, too.
    await process.join().catch((error) => {
      if (!(error instanceof ProcessError)) throw error;
    });
    const { exitcode } = process;
    process.close();
    return exitcode!;
  };
  let isOver = false;
  const ended = end().finally(() => isOver = true);
  // The process is not reaped before `join` has looked, so the number is not another's.
  const signal = (name: "SIGKILL") => isOver || signalled(pid, name);
  return { pid, ended, signal, stopFor: async (ms) => void (isOver || await stoppedFor(pid, ms)) };
}

/** Starts a module as a program with a tree of its own; it is not heard, but for its errors. */
export function startedProgram(module: URL, ...args: string[]): Victim {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", module.href, ...args],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const numbers: Record<string, number> = { SIGKILL: 9, SIGTERM: 15, SIGINT: 2, SIGSEGV: 11, SIGABRT: 6 };
  let isOver = false;
  const told = child.status.then(({ code, signal }) => signal === null ? code : -(numbers[signal] ?? 1));
  let isLate = false;
  const ended = toldOrSeen(told, child.pid, () => isLate = true).finally(() => isOver = true);
  return {
    pid: child.pid,
    ended,
    isLate: () => isLate,
    signal: (name) => isOver || signalled(child.pid, name),
    stopFor: async (ms) => void (isOver || await stoppedFor(child.pid, ms)),
  };
}

/** Milliseconds between two looks at a program whose end has not been told. */
const LOOK = 10_000;

/**
 * The exit code of a program, as it is told or else seen. Now and then Deno 2.9.6 does not tell for a minute of the end of a
 * program that was killed while it booted: it is a zombie, and Deno still has its pidfd. That is not judged here.
 */
async function toldOrSeen(told: Promise<number>, pid: number, noteLate: () => void): Promise<number> {
  for (let looks = 0;; looks++) {
    const code = await Promise.race([told, pause(LOOK).then(() => null)]);
    if (code !== null) return code;
    const seen = zombieCode(pid);
    if (seen === null || looks === 0) continue;
    noteLate();
    return seen;
  }
}

/** How a child that has ended, and was not waited for, has ended; `null` if it has not, or was waited for just now. */
function zombieCode(pid: number): number | null {
  let stat: string;
  try {
    stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch {
    return null; // its end is about to be told
  }
  const fields = stat.replace(/^.*\) /s, "").split(" ");
  if (fields[0] !== "Z") return null;
  const status = Number(fields.at(-1));
  return (status & 127) === 0 ? status >> 8 : -(status & 127);
}

/**
 * Stops a child of this process, which may have ended by now, for so many milliseconds. Another process does it: whoever is
 * stopped may be in the middle of a step, which others then wait for, and this process may be one of them.
 */
export async function stoppedFor(pid: number, ms: number): Promise<void> {
  const script = `kill -STOP ${pid} && sleep ${ms / 1000}; kill -CONT ${pid}`;
  await new Deno.Command("sh", { args: ["-c", script], stdin: "null", stdout: "null", stderr: "null" }).output();
}

/** Sends a signal to a child of this process that may have ended by now. */
export function signalled(pid: number, signal: Deno.Signal): boolean {
  try {
    Deno.kill(pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
