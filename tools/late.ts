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
// Nothing can tell the difference but a class whose making does something, or one that is looked at while the file is
// loaded. Those stay, and so does one that other files name, or whose name is declared again, or stands where a call cannot.

import type { AnyNode, Class, Identifier, Program } from "acorn";
import { fullAncestor } from "acorn-walk";
import { type Edit, edited, parsed } from "./syntax.ts";

/** A class that is declared at the top level of a file, and the statement that does no more than that. */
interface Declared {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
  readonly made: Class;
}

/** A name in code outside of the class that has it, below what it is a part of, from the file to what is next above it. */
interface Reference {
  readonly at: Identifier;
  readonly above: readonly AnyNode[];
}

/** Where the classes of a file are that it declares at its top level. */
export function classesIn(text: string): { readonly name: string; readonly begin: number; readonly end: number }[] {
  return declaredIn(parsed(text));
}

/** The file with classes that are made late, but for those that are in use at a start. */
export function withLate(text: string, used: ReadonlySet<string>): string {
  const program = parsed(text);
  const declared = declaredIn(program);
  const { references, patterns } = namesIn(program);
  const outside = ({ name, begin, end }: Declared) => (at: Identifier) =>
    at.name === name && (at.start < begin || at.end > end);
  const isTaken = (name: string) =>
    patterns.some((it) => it.name === `${name}$` || it.name === `${name}$make` || it.name === `${name}$made`);
  const late = new Map(
    declared.filter((it) => !used.has(it.name) && !isMadeWithEffect(it.made))
      .filter((it) => !patterns.some(outside(it)) && !isTaken(it.name)).map((it) => [it.made, it]),
  );
  const of = (it: Declared) => references.filter(({ at }) => outside(it)(at));
  // One that stays may extend others, which stay as well: until nothing changes.
  for (let before = -1; before !== late.size;) {
    before = late.size;
    for (const it of late.values()) if (!of(it).every((name) => isLate(name, late))) late.delete(it.made);
  }
  const edits = late.values().flatMap((it): Edit[] => {
    const { name, begin, end } = it;
    return [
      ...of(it).map((name): Edit => [name.at.start, name.at.end, callOf(name)]),
      [begin, begin, `var ${name}$made;\nfunction ${name}$make() {\n`],
      [end, end, `\nreturn ${name};\n}\nfunction ${name}$() {\n  return ${name}$made ??= ${name}$make();\n}`],
    ];
  });
  return edited(text, [...edits]);
}

function declaredIn({ body }: Program): Declared[] {
  return body.flatMap((it): Declared[] => {
    const { start: begin, end } = it;
    if (it.type === "ClassDeclaration") return [{ name: it.id.name, begin, end, made: it }];
    if (it.type !== "VariableDeclaration" || it.declarations.length > 1) return [];
    const [{ id, init }] = it.declarations;
    return id.type === "Identifier" && init?.type === "ClassExpression"
      ? [{ name: id.name, begin, end, made: init }]
      : [];
  });
}

/** The names that are looked at, and those that are declared, exported, or given a value. */
function namesIn(program: Program): { readonly references: Reference[]; readonly patterns: Identifier[] } {
  const references: Reference[] = [];
  const patterns: Identifier[] = [];
  fullAncestor(program, (node, _state, ancestors, type) => {
    const it = node as AnyNode;
    if (it.type === "ExportNamedDeclaration" && !it.source) {
      patterns.push(...it.specifiers.flatMap(({ local }) => local.type === "Identifier" ? [local] : []));
    }
    if (it.type !== "Identifier") return;
    if (type === "VariablePattern") patterns.push(it);
    else references.push({ at: it, above: ancestors.slice(0, -1) as AnyNode[] });
  });
  return { references, patterns };
}

/** Whether making the class does more, or may come out otherwise later. */
function isMadeWithEffect({ superClass, body }: Class): boolean {
  if (superClass && superClass.type !== "Identifier") return true;
  return body.body.some((it) => {
    if (it.type === "StaticBlock") return true;
    if (it.static && it.type === "PropertyDefinition") return true;
    return it.computed && !isSymbol(it.key);
  });
}

/** Whether it is `Symbol.dispose`, or another symbol that is always there. */
function isSymbol(key: AnyNode): boolean {
  return key.type === "MemberExpression" && !key.computed && key.object.type === "Identifier" &&
    key.object.name === "Symbol";
}

/** Whether a call may stand in the place of the name, and is not made while the file is loaded. */
function isLate({ at, above }: Reference, late: ReadonlyMap<Class, unknown>): boolean {
  const parent = above.at(-1)!;
  if (parent.type === "Property" && parent.shorthand) return false;
  if (parent.type === "UnaryExpression" && parent.operator === "typeof") return false;
  if (parent.type === "UpdateExpression") return false;
  if ((parent.type === "ForInStatement" || parent.type === "ForOfStatement") && parent.left === at) return false;
  if ("superClass" in parent && parent.superClass === at && late.has(parent)) return true;
  return above.some((it, i) => {
    if (it.type === "PropertyDefinition") return !it.static && it.value === (above[i + 1] ?? at);
    return it.type.includes("Function");
  });
}

/** In parentheses, the call is none of what `new` makes. */
function callOf({ at, above }: Reference): string {
  const call = `${at.name}$()`;
  return above.some((it) => it.type === "NewExpression" && it.callee.start === at.start) ? `(${call})` : call;
}
