// Who can be killed: a process of this tree, or a program with a tree of its own.

import { type Process, ProcessError } from "@parallel/multiprocessing";

export interface Victim {
  readonly pid: number;
  /** Its exit code, −n after signal n, once it has ended. */
  readonly ended: Promise<number>;
  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void;
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
  return { pid, ended, signal: (signal) => isOver || signalled(pid, signal) };
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
  const ended = child.status.then(({ code, signal }) => signal === null ? code : -(numbers[signal] ?? 1))
    .finally(() => isOver = true);
  return { pid: child.pid, ended, signal: (signal) => isOver || signalled(child.pid, signal) };
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
