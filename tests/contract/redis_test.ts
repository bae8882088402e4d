// The contract of contexts, kept by that on an engine, with one host; and what it does not keep.

import { getContext, python, type Queue } from "@parallel/multiprocessing";
import type { Context } from "@parallel/multiprocessing/context";
import { assertRejects, assertThrows } from "@std/assert";
import { REFUSALS } from "../../src/engine/refusals.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { engineTest } from "../support/engine.ts";
import { PATIENCE } from "../support/helpers.ts";
import { contract } from "./contract.ts";

/** The tests that it does not pass, and why. */
const LEFT_OUT: Record<string, string> = {
  "a raw value is shared without a lock": "RawValue is refused",
};

/** Runs a test with a context on an engine, and a host. */
function remotely(name: string, run: (context: Context) => unknown, leftOut: string | null = null): void {
  engineTest(`${name} (redis)`, async (engine) => {
    await using _agent = await startAgent(engine.url, { slots: 8 });
    using context = getContext(engine.url, { authkey: AUTHKEY, startTimeout: PATIENCE });
    await run(context);
  }, { leftOut });
}

const known = new Set<string>();
contract({
  test(what, run) {
    known.add(what);
    remotely(what, run, LEFT_OUT[what] ?? null);
  },
});

for (const [name, reason] of Object.entries(REFUSALS)) {
  remotely(`a context on an engine refuses ${name}, and says why`, (context) => {
    // deno-lint-ignore no-explicit-any -- the refused member, whatever it would be
    const member = (context as any)[name];
    assertThrows(() => member("i32", 1), Deno.errors.NotSupported, `Cannot use ${name}`);
    assertThrows(() => new member(), Deno.errors.NotSupported, reason);
  });
}

remotely("a context on an engine refuses functions of Python's, and says why", (context) => {
  const child = new context.Process({ target: python("sys", "exit"), name: "P" });
  const why = 'Cannot start "P" on a host: its target "exit" is a function of the Python module "sys", and the agents';
  assertThrows(() => child.start(), Deno.errors.NotSupported, why);
});

remotely("a queue on an engine refuses to lend memory and to show it, and says why", async (context) => {
  using queue = new context.Queue<Uint8Array>();
  using joinable = new context.JoinableQueue<Uint8Array>();
  for (const it of [queue, joinable] as unknown as Queue<Uint8Array>[]) {
    const refused = (action: string) =>
      [
        Deno.errors.NotSupported,
        `Cannot ${action} of a context on an engine: there is no memory that hosts share; put and get send copies`,
      ] as const;
    assertThrows(() => it.loan(10), ...refused("borrow memory of a queue"));
    await assertRejects(() => it.getView(), ...refused("view a value of a queue"));
    assertThrows(() => it.getViewSync(), ...refused("view a value of a queue"));
  }
});

Deno.test("what is left out of the contract on an engine is in the contract", () => {
  for (const what of Object.keys(LEFT_OUT)) if (!known.has(what)) throw new Error(`There is no test "${what}"`);
});
