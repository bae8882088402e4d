// The bar on a terminal.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { lineOf, progressBar } from "../../src/pool/progress.ts";

Deno.test("a line says how far it is, how fast, and how long it will take", () => {
  assertEquals(lineOf(15, 30, 2), `[${"#".repeat(15)}${"-".repeat(15)}] 15/30 7.5/s 2.0 s left`);
  assertEquals(lineOf(0, 30, 0), `[${"-".repeat(30)}] 0/30 0.0/s`);
  assertEquals(lineOf(30, 30, 4), `[${"#".repeat(30)}] 30/30 in 4.0 s`);
  assertEquals(lineOf(7, null, 2), "7 3.5/s");
});

Deno.test("a bar is drawn on a terminal, seldom and at the end, and nowhere else", () => {
  const written: string[] = [];
  const terminal = (isTerminal: boolean) => ({
    isTerminal: () => isTerminal,
    writeSync: (bytes: Uint8Array) => written.push(new TextDecoder().decode(bytes)),
  });
  assertEquals(progressBar("Pool-1", terminal(false)), undefined);
  const draw = progressBar("Pool-1", terminal(true))!;
  for (let i = 1; i <= 1000; i++) draw(i, 1000);
  assertEquals(written.length < 20, true);
  assertStringIncludes(written[0], "\r\x1b[KPool-1 [");
  assertStringIncludes(written.at(-1)!, "1000/1000 in ");
  assertEquals(written.at(-1)!.endsWith("\n"), true);
});
