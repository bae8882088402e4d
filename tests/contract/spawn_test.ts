// The contract of contexts, kept by the package's own for spawn.

import { getContext } from "@parallel/multiprocessing";
import { within } from "../support/helpers.ts";
import { contract } from "./contract.ts";

contract({
  test: (what, run) => Deno.test(`${what} (spawn)`, () => within(Promise.try(run, getContext("spawn")), "the test")),
});
