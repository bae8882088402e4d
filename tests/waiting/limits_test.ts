// What a wait or a call is told of its limits.

import { assertEquals } from "@std/assert";
import { Watch } from "../../src/waiting/limits.ts";

/** What is told to whoever looks out for a signal, and when the constructor has returned. */
function watched(signal: AbortSignal): { told: unknown[]; watch: Watch } {
  const told: unknown[] = [];
  const watch = new Watch({ timeout: Infinity, signal }, { late() {}, aborted: (reason) => told.push(reason) });
  told.push("looks out");
  return { told, watch };
}

Deno.test("a signal is heard once, also where it was aborted before", async () => {
  const controller = new AbortController();
  const early = watched(controller.signal);
  controller.abort("enough");
  const late = watched(controller.signal);
  const never = watched(controller.signal);
  never.watch[Symbol.dispose]();
  await Promise.resolve();
  assertEquals([early.told, late.told], [["looks out", "enough"], ["looks out", "enough"]]);
  assertEquals(never.told, ["looks out"], "nobody looked out any more");
  for (const { watch } of [early, late]) watch[Symbol.dispose]();
});
