// What the command line of `deno task bench` chooses.

import { type Case, CASES, REPORTS } from "./cases.ts";
import { CURVES } from "./curves.ts";
import { DISTRIBUTIONS } from "./distributions.ts";
import { usage } from "./settings/run.ts";
import { UsageError } from "./settings/options.ts";
import { SUBJECTS } from "./settings/subjects.ts";
import { nearest } from "../src/waiting/nearest.ts";

export const USAGE = `usage: deno task bench [option …] [word …]

Without words: all cases, curves, distributions and managers, beside CPython and the floor. Writes bench/results.json,
target/bench/report.html, docs/pictures/, and the tables of README.md and docs/performance.md.
With words: what has one of them in its name, also the reports of our side alone; prints tables, and writes nothing.

  --quick      fewer repeats; writes target/bench/quick.json and quick.html
  --smoke      a few operations of everything, to show that it runs; judges nothing
  --repeats N  runs of each side of a case
  --profile    where the time of these cases goes, on our side: by thread, and by function where perf(1) works
  --reports    the reports of our side alone, too
  --help       this text; behind a subject, its options

deno task bench SUBJECT [option …] measures a setting of your own: ${Object.keys(SUBJECTS).join(", ")}.`;

/** What is to be done. */
export type Choice =
  | { readonly kind: "usage"; readonly text: string }
  | { readonly kind: "setting"; readonly subject: string; readonly args: readonly string[] }
  | Profiled
  | Wanted;

/** What is to be measured. */
export interface Wanted {
  readonly kind: "run";
  readonly isQuick: boolean;
  readonly isSmoke: boolean;
  /** Absent: as the effort says. */
  readonly repeats?: number;
  readonly words: readonly string[];
  readonly withReports: boolean;
}

/** Cases whose time is looked into. */
export interface Profiled {
  readonly kind: "profile";
  readonly cases: readonly Case[];
}

const FLAGS = ["quick", "smoke", "reports", "profile", "help"];
const KNOWN = [...FLAGS, "repeats"];

/** @throws {UsageError} If the command line says nothing that there is. */
export function parse(given: readonly string[]): Choice {
  const args = given.filter((arg) => arg !== "--");
  const subject = Object.hasOwn(SUBJECTS, args[0] ?? "") ? args[0] : undefined;
  if (args.includes("--help") || args.includes("-h")) {
    return { kind: "usage", text: subject === undefined ? `${USAGE}\n\n${usage()}` : usage(subject) };
  }
  const names = args.map((arg) => arg.match(/^--([^=]*)/)?.[1]).filter((name) => name !== undefined);
  if (subject !== undefined && names.some((name) => !KNOWN.includes(name))) {
    return { kind: "setting", subject, args: args.slice(1) };
  }
  return parseRun(args);
}

function parseRun(args: readonly string[]): Wanted | Profiled {
  const flags = new Set<string>();
  const words: string[] = [];
  let repeats: number | undefined;
  for (let i = 0; i < args.length; i++) {
    const [, name, , value] = args[i].match(/^--([^=]+)(=(.*))?$/) ?? [];
    if (name === "repeats") repeats = repeatsOf(value ?? args[++i]);
    else if (name !== undefined && FLAGS.includes(name) && value === undefined) flags.add(name);
    else if (args[i].startsWith("-")) throw new UsageError(complaint(args[i], name));
    else words.push(args[i].toLowerCase());
  }
  const wanted: Wanted = {
    kind: "run",
    isQuick: flags.has("quick"),
    isSmoke: flags.has("smoke"),
    withReports: flags.has("reports") || flags.has("smoke"),
    repeats,
    words,
  };
  for (const word of words) requireKnown(word);
  return flags.has("profile") ? profiled(words) : wanted;
}

function profiled(words: readonly string[]): Profiled {
  const cases = words.length === 0 ? [] : CASES.filter((it) => isMeant(words, it.work, it.script));
  if (cases.length > 0) return { kind: "profile", cases };
  throw new UsageError(
    `Cannot profile ${words.length === 0 ? "everything" : `"${words.join(" ")}"`}: wanted the name of a case`,
  );
}

function repeatsOf(text: string | undefined): number {
  if (text !== undefined && /^[1-9]\d*$/.test(text)) return Number(text);
  throw new UsageError(`Cannot take ${text ?? "no"} repeats: wanted a whole number of at least 1`);
}

function complaint(arg: string, name = ""): string {
  const meant = nearest(name, KNOWN);
  return `Cannot read option "${arg}"${meant === undefined ? "" : `: is it --${meant}?`}`;
}

/** Whether one of the words is in the name of something; without words everything is meant. */
export function isMeant(words: readonly string[], ...names: string[]): boolean {
  const text = names.join(" ").toLowerCase();
  return words.length === 0 || words.some((word) => text.includes(word));
}

function requireKnown(word: string): void {
  const all = [
    ...CASES.map(({ work, script }) => [work, script]),
    ...REPORTS.map(({ title, script }) => [title, script]),
    ...CURVES.map(({ title, id }) => [title, id]),
    ...DISTRIBUTIONS.map(({ title, id }) => [title, id]),
  ];
  if (all.some((names) => isMeant([word], ...names))) return;
  const known = [...new Set([...CASES, ...REPORTS].map(({ script }) => script))].join(", ");
  throw new UsageError(`Cannot find a case named "${word}": wanted one of ${known}`);
}
