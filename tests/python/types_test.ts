// What the compiler knows of functions of Python's: what their callers say. The check is the test: each line that is to be
// refused is marked so, and a mark without an error is an error itself.

import { Process, python } from "@parallel/multiprocessing";
import { assertEquals } from "@std/assert";

Deno.test("python: a target has the types that its caller gives it", () => {
  const double = python<(batch: Float32Array, times?: number) => Float32Array>("./model.py", "double");
  const untyped = python("./model.py", "anything");
  const processes = [
    new Process({ target: double, args: [new Float32Array(1)] }),
    new Process({ target: double, args: [new Float32Array(1), 2] }),
    new Process({ target: untyped }),
    new Process({ target: untyped, args: [1, "two"] }),
    // @ts-expect-error: its first argument is an array
    new Process({ target: double, args: ["one"] }),
    // @ts-expect-error: it needs an argument
    new Process({ target: double }),
  ];
  assertEquals(processes.length, 6);
});
