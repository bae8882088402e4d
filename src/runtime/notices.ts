// Writes notices and records to standard error. None of them is worth more than the program: if the write fails,
// because the disk is full or nobody has the other end of the pipe any more, the text is dropped. A pipe that is full
// makes the thread wait, as every console.error does (docs/decisions/44-notices.md).

/** Prints a text or an error. */
export function tell(what: unknown, how: "error" | "warn" = "error"): void {
  try {
    console[how](what);
  } catch {
    // There is nobody to tell.
  }
}
