// Linux's signals: those that processes are sent here, and how exit codes name them.

export const SIGINT = 2;
export const SIGKILL = 9;
export const SIGTERM = 15;

/** The names by number, from 1 (x86-64 and ARM agree; `signal(7)`). */
const SIGNAL_NAMES: readonly string[] = [
  ...["SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1"],
  ...["SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP"],
  ...["SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR"],
  "SIGSYS",
];

/** The signal that has ended a process with this exit code, such as `SIGKILL`; `null` if none has. */
export function signalName(exitcode: number | null): string | null {
  if (exitcode === null || exitcode >= 0) return null;
  return SIGNAL_NAMES[-exitcode - 1] ?? `signal ${-exitcode}`;
}

/** An exit code with the name of its signal, as in `-SIGKILL`. */
export function exitText(exitcode: number): string {
  const name = SIGNAL_NAMES[-exitcode - 1];
  return name === undefined ? `${exitcode}` : `-${name}`;
}
