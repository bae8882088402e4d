// Python workers by JSON over standard input and output, as npm's python-shell has them: a line for each message.
//
// usage: deno run -A bench/bridges/json_lines.ts ITERATIONS small|copy|tasks

import { measure, type Worker } from "./work.ts";

const SCRIPT = `${import.meta.dirname}/json_lines.py`;

// deno-lint-ignore require-await -- others have to wait for theirs
async function start(python: string, work: string): Promise<Worker> {
  const child = new Deno.Command(python, { args: ["-B", SCRIPT, work], stdin: "piped", stdout: "piped" }).spawn();
  const input = child.stdin.getWriter();
  const encoder = new TextEncoder();
  /** Who waits for an answer, in the order of the questions. */
  const waiting: ((answer: unknown) => void)[] = [];
  const reading = (async () => {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) waiting.shift()!(JSON.parse(line));
    }
  })();
  return {
    ask(value) {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      waiting.push(resolve);
      input.write(encoder.encode(`${JSON.stringify(value)}\n`));
      return promise;
    },
    async end() {
      await input.close();
      await reading;
      await child.status;
    },
  };
}

// JSON has no typed arrays.
if (import.meta.main) await measure(start, (numbers) => Array.from(numbers));
