// Arguments that count something.

/**
 * Refuses a `value` that is not a whole number from `least` to `most`.
 *
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is another number. `reason` is added to the message of one that is too small.
 */
export function requireCount(
  action: string,
  name: string,
  value: unknown,
  least: number,
  most: number,
  reason = "",
): void {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return;
  const ErrorClass = typeof value === "number" ? RangeError : TypeError;
  const tooSmall = typeof value === "number" && value < least && reason !== "" ? `; ${reason}` : "";
  throw new ErrorClass(
    `Cannot ${action}: "${name}" is ${Deno.inspect(value)}, wanted a whole number from ${least} to ${most}${tooSmall}`,
  );
}
