// Who is told to have called, where the line of the call was not noted.

import { assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { noteLack, tellWaiter } from "../../src/pool/where.ts";

async function given(error: Error): Promise<never> {
  try {
    return await Promise.reject(error);
  } catch (thrown) {
    throw tellWaiter(thrown, given);
  }
}

async function waiter(error: Error): Promise<void> {
  await given(error);
}

function failed(): Error {
  const error = new Error("failed");
  error.stack = "Error: failed\n    at pool.apply(1)";
  return error;
}

Deno.test("an error without the caller's line gets that of who awaits it, once", async () => {
  const error = noteLack(failed(), null);
  for (let i = 0; i < 2; i++) {
    assertStrictEquals(await waiter(error).catch((thrown) => thrown), error);
    const [, , second, ...rest] = error.stack!.split("\n");
    assertMatch(second, /^ {4}at async waiter \(file:.*where_test\.ts/);
    assertEquals(rest.filter((line) => line.includes("waiter")), []);
  }
});

Deno.test("an error that has the line, or is the user's own, stays as it is", async () => {
  for (const error of [failed(), noteLack(failed(), { frames: [] })]) {
    const { stack } = error;
    await waiter(error).catch(() => {});
    assertEquals(error.stack, stack);
  }
});
