// The contract suite: values and arrays.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import * as targets from "../fixtures/context/contract_targets.ts";
import { run, type Suite } from "./suite.ts";

export function sharedData({ test }: Suite): void {
  test("values and arrays are shared, with a lock of the context's", async (context) => {
    using lock = new context.RLock();
    using value = context.Value("i32", 3, { lock });
    assertStrictEquals(value.getLock(), lock);
    using numbers = context.Array("f64", [1, 2, 3]);
    assertEquals([numbers.length, numbers.get(0), numbers.at(-1), [...numbers]], [3, 1, 3, [1, 2, 3]]);
    await run(new context.Process({ target: targets.fill, args: [numbers, 10] }));
    assertEquals([...numbers], [10, 11, 12]);
    numbers.setSlice(1, [0, 0]);
    assertEquals([...numbers], [10, 0, 0]);
    assertThrows(() => numbers.get(3), RangeError);
    assertEquals([value.update((it) => it + 4), value.value], [7, 7]);
    assertThrows(() => value.update((() => "8") as never), TypeError);
    assertEquals([value.value, lock.acquireSync({ timeout: 0 }) !== null], [7, true]);
    lock.release();
    using bare = context.Value("i64", 5n, { lock: false });
    bare.value *= 2n;
    assertEquals(bare.value, 10n);
  });

  test("a raw value is shared without a lock", (context) => {
    using raw = context.RawValue("i64", 5n);
    raw.value *= 2n;
    assertEquals(raw.value, 10n);
  });
}
