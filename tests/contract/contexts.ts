// The contract suite: the context itself.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { Suite } from "./suite.ts";

export function contexts({ test }: Suite): void {
  test("a context knows its start method, which is one of all, and cannot be changed", (context) => {
    const method = context.getStartMethod();
    assert(method !== null && context.getAllStartMethods().includes(method), `${method}`);
    for (const other of [...context.getAllStartMethods(), null]) {
      assertThrows(() => context.setStartMethod(other, { force: true }), Error, "concrete context");
    }
    assertEquals(context.getStartMethod(), method);
  });

  test("a context is the one of its method, and finds those of the others", (context) => {
    assertStrictEquals(context.getContext(), context);
    assertStrictEquals(context.getContext(null), context);
    for (const method of context.getAllStartMethods()) {
      assertEquals(context.getContext(method).getStartMethod(), method);
    }
    assertStrictEquals(context.getContext(context.getStartMethod()), context);
    assertThrows(() => context.getContext("no such method"), RangeError, "no such method");
  });
}
