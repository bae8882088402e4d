// Reads the text of a file that the bundler has written, as far as is needed to change it: its names, its lines.

/** A name in code, beside what is before and behind it. */
export interface Name {
  readonly name: string;
  readonly at: number;
  /** The token before, and the one behind: a word, or a sign. */
  readonly before: string;
  readonly behind: string;
  /** The innermost bracket that it is in; empty at the top level. */
  readonly bracket: string;
}

/** Words behind which a slash begins a regular expression. */
const OPERATORS = new Set(["return", "typeof", "case", "in", "of", "new", "delete", "void", "throw", "await", "yield"]);

/** What a file has. */
export interface Scanned {
  /** The names in its code that are no properties behind a dot. */
  readonly names: readonly Name[];
  /** Where lines begin that are in no bracket. */
  readonly begins: readonly number[];
  /** The space from the end of a line to what comes next, where that is in no text. */
  readonly breaks: readonly (readonly [begin: number, end: number])[];
}

/** The file without what its lines are indented by: a tenth of it, which each start reads and copies several times. */
export function withoutIndentation(text: string): string {
  return edited(text, scan(text).breaks.map(([begin, end]) => [begin, end, "\n"]));
}

/** Reads a file. */
export function scan(text: string): Scanned {
  const names: (Name & { behind: string })[] = [];
  const begins: number[] = [];
  const breaks: [begin: number, end: number][] = [];
  const brackets: string[] = [];
  let before = "";
  const token = /[\w$]+|\s+|\/\*(?:[^*]|\*(?!\/))*\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\?\.|\.{3}|[^]/y;
  const template = /(?:[^`\\$]|\\[^]|\$(?!\{))*(?:`|\$\{)/y;
  const expression = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y;
  const match = (pattern: RegExp, at: number): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found === undefined) throw new Error(`Cannot read the file: "${text.slice(at, at + 40)}"`);
    return found;
  };
  for (let at = 0; at < text.length;) {
    let found = match(token, at);
    if (/^\s|^\/[/*]/.test(found)) {
      if (/^\s*\n\s/.test(found)) breaks.push([at, at + found.length]);
      at += found.length;
      continue;
    }
    if (brackets.length === 0 && (at === 0 || text[at - 1] === "\n")) begins.push(at);
    const isValue = /[\w$)\]}"'`]$/.test(before) && !OPERATORS.has(before);
    if (found === "/" && !isValue) found = match(expression, at);
    const isTemplateGoingOn = found === "}" && brackets.at(-1) === "${";
    if (found === "`" || isTemplateGoingOn) {
      if (isTemplateGoingOn) brackets.pop();
      found += match(template, at + 1);
      if (found.endsWith("${")) brackets.push("${");
    } else if ("([{".includes(found)) brackets.push(found);
    else if (")]}".includes(found)) brackets.pop();
    const last = names.at(-1);
    if (last !== undefined && last.behind === "") last.behind = found;
    if (/^[A-Za-z_$]/.test(found) && ![".", "?.", "#"].includes(before)) {
      names.push({ name: found, at, before, behind: "", bracket: brackets.at(-1) ?? "" });
    }
    before = found;
    at += found.length;
  }
  return { names, begins, breaks };
}

/** The text with these parts of it replaced. */
export function edited(text: string, edits: [begin: number, end: number, text: string][]): string {
  const inOrder = edits.toSorted(([a, b], [c, d]) => a - c || b - d);
  const parts: string[] = [];
  let at = 0;
  for (const [begin, end, instead] of inOrder) {
    parts.push(text.slice(at, begin), instead);
    at = end;
  }
  return [...parts, text.slice(at)].join("");
}
