// The timers of a worker: watched when somebody wants one, and replaced as those of other programs.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { Attribution } from "../../src/pool/attribution.ts";

Deno.test("timers of a worker are made when they are wanted, note who has set them, and may be replaced", async () => {
  const names = ["setTimeout", "setInterval", "setImmediate"] as const;
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name)!);
  const isMadeLate = (name: string) => Object.getOwnPropertyDescriptor(globalThis, name)!.get !== undefined;
  const wereMadeLate = names.map(isMadeLate);
  const attribution = await Attribution.begin();
  try {
    assertEquals(names.map(isMadeLate), wereMadeLate, "what Deno makes when it is asked for is not asked for");
    const fake = () => {};
    Object.assign(globalThis, { setImmediate: fake });
    assertStrictEquals(globalThis.setImmediate as unknown, fake, "what was never asked for can be replaced");
    for (const name of ["setTimeout", "setInterval"] as const) {
      const watched = globalThis[name];
      assertStrictEquals(globalThis[name], watched, "one is watched once");
      assertEquals(watched.name, name);
      const { promise, resolve } = Promise.withResolvers<ErrorEvent>();
      addEventListener("error", (event) => (event.preventDefault(), resolve(event)), { once: true });
      const error = new Error(name);
      let timer: ReturnType<typeof setTimeout> | undefined;
      attribution.run({ what: name }, () => {
        timer = watched(() => {
          throw error;
        }, 0);
      });
      assertStrictEquals((await promise).error, error);
      assertEquals(attribution.ownerOf(error)?.what, name);
      clearInterval(timer);
      globalThis[name] = fake as never;
      assertStrictEquals(globalThis[name] as unknown, fake);
    }
  } finally {
    names.forEach((name, i) => Object.defineProperty(globalThis, name, before[i]));
  }
});
