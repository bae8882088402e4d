// Whole numbers as arguments: which are refused, and in which words.

import { assertThrows } from "@std/assert";
import { requireCount } from "../../src/waiting/count.ts";

Deno.test("a whole number in its range is taken, its ends too", () => {
  for (const value of [0, 1, 2 ** 40]) requireCount("listen", "backlog", value);
  for (const value of [1, 3]) requireCount("listen", "backlog", value, { least: 1, most: 3 });
  requireCount("listen", "backlog", -5, { least: -Infinity, most: 3 });
});

Deno.test("another number is a RangeError, anything else a TypeError, in the same words", () => {
  for (const value of [-1, 0.5, NaN, Infinity]) {
    const given = Deno.inspect(value);
    const wanted = `Cannot listen: "backlog" is ${given}, wanted a whole number from 0 on`;
    assertThrows(() => requireCount("listen", "backlog", value), RangeError, wanted);
  }
  for (const value of ["1", 1n, null, undefined, {}]) {
    assertThrows(() => requireCount("listen", "backlog", value), TypeError, "wanted a whole number from 0 on");
  }
  const range = { least: 1, most: 3, reason: "there must be one" };
  assertThrows(() => requireCount("go", "n", 0, range), RangeError, "a whole number from 1 to 3; there must be one");
  assertThrows(() => requireCount("go", "n", 4, { ...range, least: -Infinity }), RangeError, "number up to 3");
});
