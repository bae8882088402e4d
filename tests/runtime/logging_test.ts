// The package's logger: levels, what is printed, what children inherit, and who is in control.

import { getLogger, LOG_LEVELS, type LogLevel } from "@parallel/multiprocessing";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { FIXTURES, outputOf, runProgram } from "../support/helpers.ts";

Deno.test("TestLogging.test_enable_logging: the logger is there, and takes levels and messages", () => {
  const logger = getLogger();
  assertStrictEquals(getLogger(), logger);
  assertEquals([logger.level, logger.getEffectiveLevel()], [0, LOG_LEVELS.WARNING]);
  for (const level of ["INFO", "info", 20] as LogLevel[]) {
    logger.setLevel(level);
    assertEquals(logger.level, 20);
  }
  logger.info("this should not be printed");
  logger.setLevel("NOTSET");
  assertEquals([logger.level, logger.getEffectiveLevel()], [0, 30]);
  assert(!logger.isEnabledFor("critical"), "nobody listens");
});

Deno.test("a level that is none is refused with those there are", () => {
  for (const level of ["loud", -1, NaN, Infinity, -Infinity, null, "constructor"]) {
    assertThrows(() => getLogger().setLevel(level as never), TypeError, 'wanted "NOTSET", "SUBDEBUG"');
  }
});

/** The lines that a program prints on standard error. */
async function linesOf(how: string): Promise<string[]> {
  const { code, stderr } = await runProgram(new URL("runtime/logging_program.ts", FIXTURES), { args: [how] });
  assertEquals(code, 0, stderr);
  return stderr.split("\n").filter(Boolean);
}

Deno.test("TestLogging.test_level: a child prints its records at the level of its parent, in Python's format", async () => {
  assertEquals(await linesOf("info"), [
    "[INFO/Child] child process calling self.run()",
    "[INFO/Child] an info message",
    "[SUBWARNING/Child] between",
    "[ERROR/Child] an {error}",
    "[INFO/Child] process shutting down",
    "[INFO/Child] process exiting with exitcode 0",
    "[INFO/MainProcess] process shutting down",
  ]);
  const lines = await linesOf("debug");
  assert(lines.includes("[DEBUG/Child] a debug message"), lines.join("\n"));
  assert(lines.includes("[DEBUG/MainProcess] running the remaining finalizers"), lines.join("\n"));
  assertEquals(await linesOf("quiet"), []);
});

Deno.test("the end of a program is logged in its order", async () => {
  const lines = await linesOf("daemon");
  assertEquals(lines.filter((line) => line.includes("MainProcess")), [
    "[INFO/MainProcess] process shutting down",
    "[INFO/MainProcess] calling terminate() for daemon Demon",
    "[INFO/MainProcess] calling join() for process Demon",
  ]);
  assert(lines.includes("[INFO/Last] process exiting with exitcode 0"));
});

const CONFIGURED = [
  ["trace", "5 true true", ["trace 1 {braces}", "debug 2", "info 3", "warning 4", "fatal 5"]],
  ["info", "20 false true", ["info 3", "warning 4", "fatal 5"]],
  ["fatal", "50 false false", ["fatal 5"]],
] as const;
for (const [level, effective, records] of CONFIGURED) {
  Deno.test(`TestLogging.test_level: an application's configuration of LogTape keeps control, from ${level} on`, async () => {
    const lines = records.map((record) => `${record} multiprocessing MainProcess`);
    const expected = [`parent ${effective}`, ...lines, `child ${effective.split(" ")[0]}`, ""];
    assertEquals(
      await outputOf(new URL("runtime/logging_logtape.ts", FIXTURES), { args: [level] }),
      expected.join("\n"),
    );
  });
}

Deno.test("TestLogging.test_filename: records name the package and the process, not files, which LogTape does not know", async () => {
  const output = await outputOf(new URL("runtime/logging_logtape.ts", FIXTURES), { args: ["info"] });
  const records = output.split("\n").filter((line) => /^(info|warning|fatal) /.test(line));
  assertEquals(records.length, 3);
  for (const record of records) assertEquals(record.split(" ").slice(-2), ["multiprocessing", "MainProcess"]);
  assert(!/\.ts\b/.test(output), output);
});
