// The error classes that every process knows by their names.

import * as errors from "../../src/errors.ts";
import { ownClasses } from "../../src/reduction/error_classes.ts";
import { assertEquals } from "@std/assert";

Deno.test("all error classes of the package are known by their names", () => {
  assertEquals(ownClasses(), { ...errors });
});
