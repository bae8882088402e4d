// Describes how a worker died, in words.

import { harmless, shownName } from "../runtime/harmless.ts";
import { WorkerLostError } from "../errors.ts";
import type { Member } from "./worker_handle.ts";

/** Names of the signals that end processes, by their numbers on Linux. */
const SIGNALS: Readonly<Record<number, string>> = {
  ...{ 1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE" },
  ...{ 9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM" },
  ...{ 16: "SIGSTKFLT", 24: "SIGXCPU", 25: "SIGXFSZ", 26: "SIGVTALRM", 27: "SIGPROF", 29: "SIGIO", 31: "SIGSYS" },
};

/** How it ended: `was ended by SIGKILL`, `ended with exit code 3`. */
export function howItEnded(exitcode: number | null): string {
  if (exitcode === null) return "ended";
  return exitcode < 0 ? `was ended by ${signalOf(exitcode)}` : `ended with exit code ${exitcode}`;
}

/** The error of the task that a worker was running when it died. */
export function lost(fn: string, { process, pid, lastWords }: Member): WorkerLostError {
  const { exitcode } = process;
  const said = lastWords === "" ? "" : `; the last of its standard error:\n${harmless(lastWords, { multiline: true })}`;
  const message = `Cannot finish "${fn}": its worker "${shownName(process.name)}" (pid ${pid}) ${
    howItEnded(exitcode)
  }${said}`;
  return new WorkerLostError(message, { exitcode, signal: signalOf(exitcode), pid, stderr: lastWords });
}

function signalOf(exitcode: number | null): string | null {
  if (exitcode === null || exitcode >= 0) return null;
  return SIGNALS[-exitcode] ?? `signal ${-exitcode}`;
}
