// The standard output of programs that print what they were asked for.

/**
 * Writes a text to it, as one piece where the system takes it so.
 *
 * @throws {Deno.errors.BrokenPipe} If nobody reads it any more.
 * @throws {Error} If it cannot be written, such as to a full disk.
 */
export function writeAll(text: string): void {
  let rest = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
  } catch (cause) {
    if (!(cause instanceof Error) || cause instanceof Deno.errors.BrokenPipe) throw cause;
    throw new Error(`Cannot write to the standard output: ${cause.message}`, { cause });
  }
}
