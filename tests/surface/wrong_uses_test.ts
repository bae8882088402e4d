// What the compiler says of wrong uses: the mistake, where it is, in a line. The fixture has the uses, and before each, in
// a comment that makes it pass otherwise, the beginning of the message. A copy without these is given to the compiler.

import { assert, assertEquals } from "@std/assert";

const FIXTURE = new URL("../fixtures/surface/wrong_uses.ts", import.meta.url);
const ROOT = new URL("../../", import.meta.url);
const EXPECTED = /^\s*\/\/ @ts-expect-error: ?/;

/** What a deno with these arguments writes. */
async function outputOf(args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args], env: { NO_COLOR: "1" } })
    .output();
  return [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
}

/** The messages, by the line that each is about. */
function messagesIn(output: string): Map<number, string[]> {
  const messages = new Map<number, string[]>();
  for (const [, text, line] of output.matchAll(/^TS\d+ \[ERROR\]: (\S.*?)\n {4}at \S+:(\d+):\d+$/gms)) {
    messages.set(Number(line), text.split("\n").slice(0, -2)); // the code and what is underlined in it are the last two
  }
  return messages;
}

/** The text with the members of its unions in one order: that of the compiler depends on what else it has read. */
function inOrder(text: string): string {
  return text.trim().replaceAll(/'[^']* \| [^']*'/g, (union) => union.slice(1, -1).split(" | ").sort().join(" | "));
}

/** The lines of a message that are expected, and the use that they are about. */
function* expectationsIn(lines: readonly string[]): Generator<{ line: number; use: string; expected: string[] }> {
  for (let i = 0; i < lines.length; i++) {
    if (!EXPECTED.test(lines[i])) continue;
    const expected = [lines[i].replace(EXPECTED, "")];
    for (i++; lines[i].trim().startsWith("//"); i++) expected.push(lines[i].trim().slice("//".length));
    yield { line: i + 1, use: lines[i].trim(), expected };
  }
}

Deno.test("a wrong use is told in a line that names what is wrong with it", async () => {
  assertEquals(inOrder("Type 'c' is no 'b | a'."), "Type 'c' is no a | b.");
  const text = await Deno.readTextFile(FIXTURE);
  const folder = await Deno.makeTempDir();
  try {
    const copy = `${folder}/wrong_uses.ts`;
    await Deno.writeTextFile(copy, text.replaceAll("@ts-expect-error", ""));
    const output = await outputOf(["check", "--quiet", "--config", new URL("deno.json", ROOT).pathname, copy]);
    const messages = messagesIn(output);
    const expectations = [...expectationsIn(text.split("\n"))];
    assert(expectations.length > 70, output);
    for (const { line, use, expected } of expectations) {
      const told = messages.get(line)?.slice(0, expected.length).map(inOrder);
      assertEquals([use, told], [use, expected.map(inOrder)]);
    }
    assertEquals(messages.size, expectations.length, output);
    assert(!output.includes("No overload matches"), output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the documentation lists the codes of types", async () => {
  const output = await outputOf(["doc", "--filter", "TypeCode", new URL("src/sharedctypes.ts", ROOT).href]);
  for (const code of ["i8", "u64", "f32", "c", "q", "d"]) assert(output.includes(`"${code}"`), output);
});
