// What this package tells people on standard error: notices and records. Nothing of it is worth more than the program: what
// cannot be told, because the disk is full or nobody reads it any more, is dropped.

/** Prints a text or an error. */
export function tell(what: unknown, how: "error" | "warn" = "error"): void {
  try {
    console[how](what);
  } catch {
    // There is nobody to tell.
  }
}
