// The agent's command line: what it takes, and what it says of what it does not.

import { assertEquals, assertThrows } from "@std/assert";
import { type Order, readWords, UsageError } from "../../src/engine/agent/words.ts";

const URL = ["--url", "redis://h:1/0"];

function read(...words: string[]): Order {
  return readWords(words, { variable: () => undefined, processors: 3 });
}

Deno.test("agent: what is not given has a default", () => {
  assertEquals(read(...URL), {
    command: "run",
    url: "redis://h:1/0",
    slots: 3,
    labels: [],
    keyFile: null,
    isInsecure: false,
    name: null,
    allowCode: new Set(["same", "import", "upload"]),
    grant: [],
    cache: null,
    grace: 10_000,
    lease: 30_000,
  });
});

Deno.test("agent: all options", () => {
  const words = ["--slots", "8", "--label", "gpu", "--label=big", "--authkey-file", "k", "--name", "host1"];
  const more = ["--allow-code", "same,upload", "--grant", "--allow-read=/data --deny-net", "--cache", "/c"];
  const order = read(...URL, ...words, ...more, "--grace", "2m", "--lease", "2s");
  assertEquals(order, {
    command: "run",
    url: "redis://h:1/0",
    slots: 8,
    labels: ["gpu", "big"],
    keyFile: "k",
    isInsecure: false,
    name: "host1",
    allowCode: new Set(["same", "upload"]),
    grant: ["--allow-read=/data", "--deny-net"],
    cache: "/c",
    grace: 120_000,
    lease: 2_000,
  });
});

Deno.test("agent: the URL may be in the environment, where no list of processes shows it", () => {
  const variable = (name: string) => name === "MULTIPROCESSING_URL" ? "redis://:secret@h" : undefined;
  const order = readWords(["status"], { variable, processors: 1 });
  assertEquals(order, { command: "status", url: "redis://:secret@h", json: false });
});

Deno.test("agent: status and drain", () => {
  assertEquals(read("status", "--json", ...URL), { command: "status", url: URL[1], json: true });
  assertEquals(read("drain", "host1", ...URL), { command: "drain", url: URL[1], host: "host1" });
  assertEquals(read("--help"), { command: "help" });
});

Deno.test("agent: what it does not know is refused, and what was wanted is said", () => {
  const refused: [string[], string][] = [
    [[], "Cannot run the agent: --url is missing, such as --url redis://db.example:6379/0"],
    [["start", ...URL], 'Cannot run "start": wanted "status", "drain" or no command; see --help'],
    [["drain", ...URL], 'Cannot run "drain": the host is missing, such as: drain host1'],
    [["drain", "a", "b", ...URL], 'Cannot run "drain": "b" is one argument too many'],
    [["status", "--slots", "2", ...URL], 'Cannot run "status": it has no --slots'],
    [["--json", ...URL], 'Cannot run "run": it has no --json'],
    [["--slots", "0", ...URL], 'Cannot run the agent: --slots is "0", wanted a whole number from 1 to 100000'],
    [["--slots", "two", ...URL], 'Cannot run the agent: --slots is "two", wanted a whole number from 1 to 100000'],
    [
      ["--label", "a,b", ...URL],
      'Cannot run the agent: --label is "a,b", wanted a word of letters, digits and . : _ -',
    ],
    [["--grace", "soon", ...URL], 'Cannot run the agent: --grace is "soon", wanted a time, such as 500ms, 10s or 5m'],
    [
      ["--lease", "1s", ...URL],
      'Cannot run the agent: --lease is "1s", wanted a time of at least 2000ms, such as 500ms',
    ],
    [["--allow-code", "all", ...URL], 'Cannot run the agent: --allow-code is "all", wanted some of same,import,upload'],
    [["--grant", "-A", ...URL], 'Cannot run the agent: --grant is "-A", wanted flags such as --allow-read=/data'],
    [["--name", "a b", ...URL], 'Cannot run the agent: --name is "a b", wanted a name without spaces'],
    [["--slotz", "2", ...URL], "Cannot run the agent: Unknown option '--slotz'"],
  ];
  for (const [words, message] of refused) assertThrows(() => read(...words), UsageError, message);
});
