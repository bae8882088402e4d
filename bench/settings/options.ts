// The options of a setting that a user measures: what there is, how it is written, and what is said of it.

import { nearest } from "../../src/waiting/nearest.ts";

/** One option: a number, or one of some words. */
export type Option =
  & { readonly says: string }
  & (
    | { readonly number: number; readonly least: number; readonly isWhole?: boolean }
    | { readonly word: string; readonly oneOf: readonly string[] }
  );

export type Options = Readonly<Record<string, Option>>;

/** What was chosen: a value for every option. */
export type Setting = Readonly<Record<string, number | string>>;

/** What is wrong with a command line; the message says it. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** The words of a command line, with an option's value behind a `=`, or behind a space. */
function* pairs(args: readonly string[]): Generator<[name: string, value: string]> {
  for (let i = 0; i < args.length; i++) {
    const [, name, , given] = args[i].match(/^--([^=]+)(=(.*))?$/s) ?? [];
    if (name === undefined) throw new UsageError(`Cannot read "${args[i]}": wanted an option such as --seconds 5`);
    const value = given ?? args[++i];
    if (value === undefined) throw new UsageError(`Cannot read --${name}: it has no value`);
    yield [name, value];
  }
}

function valueOf(name: string, option: Option, given: string): number | string {
  if ("word" in option) {
    if (option.oneOf.includes(given)) return given;
    throw new UsageError(`Cannot take --${name} "${given}": wanted one of ${option.oneOf.join(", ")}`);
  }
  const { least, isWhole = true } = option;
  const number = /^\d+(\.\d+)?$/.test(given) ? Number(given) : NaN;
  if (number >= least && (!isWhole || Number.isSafeInteger(number))) return number;
  const kind = isWhole ? "a whole number" : "a number";
  throw new UsageError(`Cannot take --${name} "${given}": wanted ${kind} of at least ${least}`);
}

/** The setting that a command line says; what it does not say is as by default. */
export function parseSetting(options: Options, args: readonly string[]): Setting {
  const setting: Record<string, number | string> = {};
  for (const [name, option] of Object.entries(options)) {
    setting[name] = "word" in option ? option.word : option.number;
  }
  for (const [name, value] of pairs(args)) {
    if (!Object.hasOwn(options, name)) {
      const meant = nearest(name, Object.keys(options));
      const hint = meant === undefined ? `the options are --${Object.keys(options).join(", --")}` : `is it --${meant}?`;
      throw new UsageError(`Cannot read --${name}: there is no such option; ${hint}`);
    }
    setting[name] = valueOf(name, options[name], value);
  }
  return setting;
}

/** A line for each option, with its default. */
export function describe(options: Options): string {
  const lines = Object.entries(options).map(([name, option]) => {
    const values = "word" in option ? option.oneOf.join("|") : "N";
    const preset = "word" in option ? option.word : option.number;
    return [`  --${name} ${values}`, `${option.says} (default: ${preset})`];
  });
  const width = Math.max(...lines.map(([left]) => left.length));
  return lines.map(([left, right]) => `${left.padEnd(width)}  ${right}`).join("\n");
}
