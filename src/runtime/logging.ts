/**
 * The package's logger, after Python's `multiprocessing.get_logger`.
 *
 * Records go to standard error where {@linkcode logToStderr} says so, and to the category `multiprocessing` of
 * [LogTape](https://logtape.org), where the application configures it, as a library's records do. Each process has a configuration of its own: where
 * only `if (import.meta.main)` configures LogTape, the records of children reach none of its sinks; configure it at the
 * top level of the main module, which children import, or in their targets.
 *
 * @module
 */

import { shownName } from "./harmless.ts";
import { showAsText } from "./shown.ts";
// deno-lint-ignore no-import-prefix -- by its bare name, programs could be checked only with an entry in their import map
import type { Logger as LogTapeLogger } from "npm:@logtape/logtape@2.4.2";
import { current } from "./current.ts";
import { tell } from "./notices.ts";

/** The levels, as numbers of Python's `logging`. Any number between them is a level, too. */
export const LOG_LEVELS = {
  /** No level of its own: that of the application's configuration, else `WARNING`. */
  NOTSET: 0,
  SUBDEBUG: 5,
  DEBUG: 10,
  INFO: 20,
  SUBWARNING: 25,
  WARNING: 30,
  ERROR: 40,
  CRITICAL: 50,
} as const;

/** A level: the name of one of {@linkcode LOG_LEVELS} in capital or small letters, or a number. */
export type LogLevel = keyof typeof LOG_LEVELS | Lowercase<keyof typeof LOG_LEVELS> | number;

/** LogTape's levels, by the lowest number that each stands for. */
const LOGTAPE_LEVELS = [
  [50, "fatal"],
  [40, "error"],
  [30, "warning"],
  [20, "info"],
  [10, "debug"],
  [0, "trace"],
] as const;

/** Under this symbol the copies of LogTape that a program has share their loggers. */
const LOGTAPE = Symbol.for("logtape.rootLogger");

/** The state of its parent's logger that a child is told. */
export interface LoggerState {
  /** The child logger's own level; 0 for none, `null` for Infinity, which JSON has not. */
  readonly level: number | null;
  /** Whether its records are printed on standard error. */
  readonly toStderr: boolean;
}

/** The logger of this package. There is one in a process: {@linkcode getLogger} gives it. */
export class Logger {
  static {
    showAsText(Logger);
  }

  #level = 0;
  /** How often {@linkcode logToStderr} was called. */
  #stderrHandlers = 0;

  /** Its own level; 0 if it has none. */
  get level(): number {
    return this.#level;
  }

  /**
   * Sets its own level: records below it are dropped. 0 leaves the choice to the application's configuration.
   *
   * @throws {TypeError} If there is no such level.
   */
  setLevel(level: LogLevel): void {
    this.#level = numberOf(level);
  }

  /** Its own level, else the lowest that the application's configuration of LogTape lets through, else 30. */
  getEffectiveLevel(): number {
    return this.#level || applicationLevel() || LOG_LEVELS.WARNING;
  }

  /** Whether a record of this level would get anywhere. */
  isEnabledFor(level: LogLevel): boolean {
    const number = numberOf(level);
    if (number < this.#level) return false;
    const isPrinted = this.#stderrHandlers > 0 && number >= this.getEffectiveLevel();
    const application = logTape();
    return isPrinted || (application !== undefined && (application.isEnabledFor?.(logTapeLevel(number)) ?? true));
  }

  /** Logs a message of this level. */
  log(level: LogLevel, message: string): void {
    const number = numberOf(level);
    if (number < this.#level) return;
    if (this.#stderrHandlers > 0 && number >= this.getEffectiveLevel()) {
      const line = `[${nameOf(number)}/${shownName(current.name)}] ${message}`;
      for (let i = 0; i < this.#stderrHandlers; i++) tell(line);
    }
    // Braces are LogTape's placeholders.
    logTape()?.[logTapeLevel(number)](message.replace(/[{}]/g, "$&$&"), { processName: current.name });
  }

  /** Logs what is of interest to who looks for a mistake in this package. */
  subdebug(message: string): void {
    this.log(LOG_LEVELS.SUBDEBUG, message);
  }

  /** Logs what is of interest to who looks for a mistake. */
  debug(message: string): void {
    this.log(LOG_LEVELS.DEBUG, message);
  }

  /** Logs an event. */
  info(message: string): void {
    this.log(LOG_LEVELS.INFO, message);
  }

  /** Logs what may be worth a warning. */
  subwarning(message: string): void {
    this.log(LOG_LEVELS.SUBWARNING, message);
  }

  /** Logs what somebody should look at. */
  warning(message: string): void {
    this.log(LOG_LEVELS.WARNING, message);
  }

  /** Logs what went wrong. */
  error(message: string): void {
    this.log(LOG_LEVELS.ERROR, message);
  }

  /** Logs what went wrong for good. */
  critical(message: string): void {
    this.log(LOG_LEVELS.CRITICAL, message);
  }

  /** As Python shows it: `<Logger multiprocessing (WARNING)>`, with the effective level. */
  toString(): string {
    return `<Logger multiprocessing (${nameOf(this.getEffectiveLevel())})>`;
  }

  /** Prints its records on standard error from now on; a second time, twice. Used by {@linkcode logToStderr}. */
  addStderrHandler(): void {
    this.#stderrHandlers++;
  }

  /** What a child is told: the effective level if somebody has set one, and whether records are printed. */
  get state(): LoggerState {
    return { level: this.#level || applicationLevel(), toStderr: this.#stderrHandlers > 0 };
  }
}

const logger = new Logger();

/**
 * The logger of this package.
 *
 * @example A level of its own
 * ```ts
 * import { getLogger } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const logger = getLogger();
 * assertEquals(logger.getEffectiveLevel(), 30);
 * logger.setLevel("INFO");
 * assertEquals([logger.level, logger.isEnabledFor("debug")], [20, false]);
 * ```
 */
export function getLogger(): Logger {
  return logger;
}

/**
 * Prints the records of the package's logger on standard error, each as `[INFO/Process-1] message`; in children that are
 * started from now on, too. Each call adds a handler: after two, every record is printed twice, as in Python.
 *
 * A record that standard error refuses is dropped. While it is a full pipe that somebody has yet to read, a record waits,
 * and the thread with it.
 *
 * @param level The level that the logger is set to; its own is kept without one.
 * @returns The logger.
 * @throws {TypeError} If there is no such level.
 *
 * @example See what becomes of processes
 * ```ts
 * import { logToStderr, Process } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const logger = logToStderr("info");
 * assertEquals(logger.level, 20);
 * const child = new Process();
 * child.start();
 * await child.join(); // [INFO/Process-1] child process calling self.run() …
 * ```
 */
export function logToStderr(level?: LogLevel): Logger {
  if (level !== undefined) logger.setLevel(level);
  logger.addStderrHandler();
  return logger;
}

/** Gives this process's logger what its parent's had. */
export function inheritLogger({ level, toStderr }: LoggerState): void {
  logger.setLevel(level ?? Infinity);
  if (toStderr) logger.addStderrHandler();
}

/** What is used of LogTape's logger; the application's copy may be one of before 2.0, which had no `isEnabledFor`. */
type ApplicationLogger = Omit<LogTapeLogger, "isEnabledFor"> & Partial<Pick<LogTapeLogger, "isEnabledFor">>;

/** The application's logger for this package, if it has loaded LogTape. */
function logTape(): ApplicationLogger | undefined {
  const root = (globalThis as { [LOGTAPE]?: LogTapeLogger })[LOGTAPE];
  return root?.getChild("multiprocessing");
}

/** The lowest level that the application lets through; 0 if it has not said. */
function applicationLevel(): number {
  const logger = logTape();
  const lowest = LOGTAPE_LEVELS.findLast(([, name]) => logger?.isEnabledFor?.(name));
  return lowest === undefined ? 0 : lowest[0] || LOG_LEVELS.SUBDEBUG;
}

function logTapeLevel(level: number): (typeof LOGTAPE_LEVELS)[number][1] {
  return LOGTAPE_LEVELS.find(([lowest]) => level >= lowest)?.[1] ?? "trace";
}

function numberOf(level: LogLevel): number {
  const levels: Record<string, number> = LOG_LEVELS;
  const number = typeof level === "string" ? levels[level.toUpperCase()] : level;
  if (typeof number === "number" && number >= 0 && number < Infinity) return number;
  const names = Object.keys(LOG_LEVELS).map((name) => `"${name}"`).join(", ");
  throw new TypeError(`Cannot log at level ${Deno.inspect(level)}: wanted ${names} or a finite number from 0`);
}

function nameOf(level: number): string {
  const known = Object.entries(LOG_LEVELS).find(([, number]) => number === level);
  return known?.[0] ?? `Level ${level}`;
}
