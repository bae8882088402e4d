// Has classes made when they are first used, not at each start of a process.
//
// A class costs a start twice: what V8 has kept of it is read from Deno's cache, with every method that it has, and its top
// level makes it. Of a hundred classes that programs do not see, a child that does nothing uses a few. The others become
// functions that make the class when they are first called, as `Task` here, and are called wherever the name stood:
//
// var Task$made;
// function Task$make() { class Task { … } return Task; }
// function Task$() { return Task$made ??= Task$make(); }
//
// Nothing can tell the difference but a class whose making does something: so one with static fields or blocks stays, and one
// that other files, or statements of the top level, name. So does one that stands where its name may mean something else.

import { edited, type Name, scan, type Scanned } from "./scan.ts";

/** A statement at the top level of a file that the bundler has written. */
interface Statement {
  readonly begin: number;
  readonly end: number;
  /** The class or function that it declares, if it is no more than that. */
  readonly declares: { readonly kind: "class" | "function"; readonly name: string } | null;
}

/** Where the classes of a file are that it declares at its top level. */
export function classesIn(text: string): { readonly name: string; readonly begin: number; readonly end: number }[] {
  return statementsOf(text, scan(text)).flatMap(({ declares, begin, end }) =>
    declares?.kind === "class" ? [{ name: declares.name, begin, end }] : []
  );
}

/** The file with classes that are made late, but for those that are in use at a start. */
export function withLate(text: string, used: ReadonlySet<string>): string {
  const scanned = scan(text);
  const statements = statementsOf(text, scanned);
  const classes = new Map(
    classesIn(text).filter(({ name, begin, end }) => !isMadeWithEffect(text.slice(begin, end)) && !used.has(name))
      .map((it) => [it.name, it]),
  );
  const names = scanned.names.filter(({ name }) => classes.has(name));
  const isOwn = ({ name, at }: Name) => at >= classes.get(name)!.begin && at < classes.get(name)!.end;
  // What makes one stay may name others: until nothing changes.
  for (let before = -1; before !== classes.size;) {
    before = classes.size;
    for (const it of names) {
      if (!classes.has(it.name) || isOwn(it)) continue;
      const statement = statements.find(({ begin, end }) => it.at >= begin && it.at < end);
      if (!isPlain(it) || !isLateIn(statement, it, classes)) classes.delete(it.name);
    }
  }
  const edits: [begin: number, end: number, text: string][] = [];
  for (const it of names) {
    if (!classes.has(it.name) || isOwn(it)) continue;
    const call = it.before === "new" ? `(${it.name}$())` : `${it.name}$()`;
    edits.push([it.at, it.at + it.name.length, call]);
  }
  for (const [name, { begin, end }] of classes) {
    edits.push([begin, begin, `var ${name}$made;\nfunction ${name}$make() {\n`]);
    edits.push([end, end, `return ${name};\n}\nfunction ${name}$() {\n  return ${name}$made ??= ${name}$make();\n}\n`]);
  }
  return edited(text, edits);
}

/** Whether making the class does more: computes static fields, or runs blocks. */
function isMadeWithEffect(source: string): boolean {
  return /^ {2}static (?:\{|#?[\w$]+(?: = |;))/m.test(source);
}

/** Whether the name stands where a call may stand in its place. */
function isPlain({ before, behind, bracket }: Name): boolean {
  if (bracket === "{" && ["{", ","].includes(before)) return false; // a property
  if (behind === "(" && before !== "new") return false; // a method
  return behind !== "=" && !["class", "function", "var", "let", "const"].includes(before);
}

/** Whether a name is looked at later than its statement runs: in a function, or in a class but for what that extends. */
function isLateIn(statement: Statement | undefined, { before }: Name, late: ReadonlyMap<string, unknown>): boolean {
  if (statement?.declares === null || statement === undefined) return false;
  return before !== "extends" || late.has(statement.declares.name);
}

/** The statements at the top level: each begins a line, and ends before the next line that begins another. */
function statementsOf(text: string, { begins }: Scanned): Statement[] {
  return begins.map((begin, i) => {
    const end = begins[i + 1] ?? text.length;
    const source = text.slice(begin, end);
    const [, named, name] = source.match(/^(?:class ([\w$]+) |var ([\w$]+) = class )/) ?? [];
    const [, declared, assigned] =
      source.match(/^(?:(?:async )?function\*? ([\w$]+)\(|var ([\w$]+) = \((?:async )?function)/) ??
        [];
    const [ofClass, ofFunction] = [named ?? name, declared ?? assigned];
    if (ofClass !== undefined) return { begin, end, declares: { kind: "class", name: ofClass } };
    return { begin, end, declares: ofFunction === undefined ? null : { kind: "function", name: ofFunction } };
  });
}
