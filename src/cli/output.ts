// The standard output of the command line.

/** Writes a text to it, as one piece where the system takes it so. */
export function writeAll(text: string): void {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
}
