// The command line: what is understood, and what is refused with the name that was meant.

import { assertEquals, assertThrows } from "@std/assert";
import { readArguments } from "../../src/cli/arguments.ts";
import { UsageError } from "../../src/cli/usage.ts";

const FLAGS = { once: false, json: false, dryRun: false };

Deno.test("command line: commands, processes and options, in any order", () => {
  assertEquals(readArguments(["top"]), { command: "top", ...FLAGS });
  assertEquals(readArguments(["--json", "top", "--interval=250.5", "12", "--once"]), {
    command: "top",
    ...FLAGS,
    once: true,
    json: true,
    interval: 250.5,
    pid: 12,
  });
  assertEquals(readArguments(["why", "--", "12"]), { command: "why", ...FLAGS, pid: 12 });
  assertEquals(readArguments(["clean", "--dry-run"]), { command: "clean", ...FLAGS, dryRun: true });
  assertEquals(readArguments(["why", "-h"]), { command: "help", about: "why", ...FLAGS });
  assertEquals(readArguments(["-V"]), { command: "version", ...FLAGS });
  assertEquals(readArguments(["help", "top"]), { command: "help", about: "top", ...FLAGS });
});

Deno.test("command line: what there is not is refused in a sentence", () => {
  const refusals: [words: string, message: string][] = [
    ["", "Cannot run: there is no command; see --help"],
    ["tpo", 'Cannot run the command "tpo": there is none of that name; did you mean "top"?'],
    [
      "constructor",
      'Cannot run the command "constructor": there is none of that name; there are top, why, clean, help',
    ],
    ["help whi", 'Cannot run the command "whi": there is none of that name; did you mean "why"?'],
    ["top --intervall 5", 'Cannot run "top": it has no option "--intervall"; did you mean "--interval"?'],
    ["clean --dryrun", 'Cannot run "clean": it has no option "--dryrun"; did you mean "--dry-run"?'],
    ["clean --once", 'Cannot run "clean": it has no option "--once"; there are --dry-run, --json, --help, --version'],
    [
      "top --constructor",
      'Cannot run "top": it has no option "--constructor"; there are --interval, --once, --json, --help, --version',
    ],
    ["top --json=no", 'Cannot run "top": --json takes no value, but has "no"'],
    ["top --interval", 'Cannot run "top": --interval is "", wanted milliseconds from 100 to 2147483647'],
    ["top --interval 1e3", 'Cannot run "top": --interval is "1e3", wanted milliseconds from 100 to 2147483647'],
    ["top --interval 99", 'Cannot run "top": --interval is "99", wanted milliseconds from 100 to 2147483647'],
    ["why", 'Cannot run "why": the process is missing; wanted its id: why 4711'],
    ["why \x1b[2J", 'Cannot run "why": "\\u001b[2J" is no process; wanted its id, such as 4711'],
    ["why 0", 'Cannot run "why": "0" is no process; wanted its id, such as 4711'],
    ["why 1 2", 'Cannot run "why": "2" is one argument too many'],
    ["clean 1", 'Cannot run "clean": "1" is one argument too many'],
  ];
  for (const [words, message] of refusals) {
    assertThrows(() => readArguments(words.split(" ").filter((it) => it !== "")), UsageError, message);
  }
});
