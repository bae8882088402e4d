// How exit codes read.

/** The names of Linux's signals that end processes. */
const SIGNAL_NAMES: Readonly<Record<number, string>> = {
  ...{ 1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE" },
  ...{ 9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM" },
};

/** An exit code with the name of its signal, as in `-SIGKILL`. */
export function exitText(exitcode: number): string {
  const name = SIGNAL_NAMES[-exitcode];
  return name === undefined ? `${exitcode}` : `-${name}`;
}
