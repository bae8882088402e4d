// Children that cannot begin: `join` says why, by both methods, whatever it was, and errors name the path.

import * as mp from "@parallel/multiprocessing";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { nothing } from "../fixtures/targets.ts";
import { assertNothingLeft, belongings, FIXTURES, within } from "../support/helpers.ts";

for (const method of mp.getAllStartMethods()) {
  const { Process } = mp.getContext(method);
  const name = "begins";

  /** What `join` says of a process that was started with the options. */
  const why = async (options: mp.ProcessOptions, meanwhile?: (child: mp.Process) => Promise<void>): Promise<string> => {
    const child = new Process({ name, stderr: "null", ...options } as mp.ProcessOptions);
    child.start();
    await meanwhile?.(child);
    const error = await assertRejects(() => within(child.join()), mp.ProcessError);
    assertThrows(() => child.joinSync(), mp.ProcessError, error.message); // whoever asks
    return error.message.replace(`Cannot run "${name}": `, "");
  };

  Deno.test(`${method}: a child that cannot begin says why, or how it ended`, async () => {
    const sentinel = new Process({ target: nothing });
    sentinel.start();
    await sentinel.join(); // starts the threads of the package, and what the start method keeps
    const before = belongings();
    const ended = (code: number) => `it ended with exit code ${code} before it began`;
    const hidden = 'start it without { stderr: "null" } to read why';

    const missing = { module: new URL("none.ts", FIXTURES), name: "nothing" };
    assertEquals((await why({ target: missing })).includes(`Module not found "${missing.module.href}"`), true);
    const wrong = { module: "data:text/javascript,export const nothing = () => {}; throw new RangeError('boom')" };
    assertEquals(await why({ target: { ...wrong, name: "nothing" } }), "RangeError: boom");
    const exits = { module: "data:text/javascript,export const nothing = () => {}; Deno.exit(3)", name: "nothing" };
    assertEquals(await why({ target: exits }), `${ended(3)}; ${hidden}`);
    const stays = {
      module: "data:text/javascript,export const nothing = () => {}; await new Promise((r) => setTimeout(r, 60000))",
      name: "nothing",
    };
    for (const signal of ["SIGKILL", "SIGTERM", "SIGABRT"] as const) {
      const send = (child: mp.Process) => Promise.resolve(Deno.kill(child.pid!, signal));
      assertEquals(await why({ target: stays }, send), `it was ended by ${signal} before it began`);
    }
    // Deno itself refuses this flag.
    assertEquals(await why({ target: nothing, permissions: { sys: ["nope"] } }), `${ended(1)}; ${hidden}`);
    const said = await why({ target: nothing, permissions: { sys: ["nope"] }, stderr: "piped" }, async (child) => {
      assertEquals((await new Response(child.stderr).text()).includes("nope"), true);
    });
    assertEquals(said, `${ended(1)}; its standard error may say why`);
    await assertNothingLeft(before);
  });

  Deno.test(`${method}: who signals a child itself is told no such thing`, async () => {
    for (const how of ["kill", "terminate"] as const) {
      const child = new Process({ target: nothing });
      child.start();
      child[how]();
      assertEquals(await within(child.join()), true);
    }
  });
}
