// Arguments that count something.

/** Which whole numbers an argument may be. */
export interface CountRange {
  /** The least one. Absent: 0. */
  readonly least?: number;
  /** The largest one. Absent: any. */
  readonly most?: number;
  /** Added to the message of one that is too small. */
  readonly reason?: string;
}

/**
 * Refuses a `value` that is not a whole number in a range.
 *
 * @param action What is to be done, for the message: "listen".
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is another number.
 */
export function requireCount(
  action: string,
  name: string,
  value: unknown,
  { least = 0, most = Infinity, reason = "" }: CountRange = {},
): asserts value is number {
  if (Number.isInteger(value) && value as number >= least && value as number <= most) return;
  const BadArgument = typeof value === "number" ? RangeError : TypeError;
  const why = typeof value === "number" && value < least && reason !== "" ? `; ${reason}` : "";
  throw new BadArgument(
    `Cannot ${action}: "${name}" is ${Deno.inspect(value)}, wanted a whole number ${rangeText(least, most)}${why}`,
  );
}

function rangeText(least: number, most: number): string {
  if (most === Infinity) return `from ${least} on`;
  return least === -Infinity ? `up to ${most}` : `from ${least} to ${most}`;
}
