// The syntax of the files that the bundler has written, by a parser.

import { type Comment, type Options, parse, type Program, type Token } from "acorn";

const OPTIONS: Options = { ecmaVersion: "latest", sourceType: "module" };

/** A part of a text, and what is to stand in its place. */
export type Edit = readonly [begin: number, end: number, text: string];

/** What a file has, as a tree. */
export function parsed(text: string): Program {
  return parse(text, OPTIONS);
}

/** The file without what its lines are indented by: a tenth of it, which each start reads and copies several times. */
export function withoutIndentation(text: string): string {
  const tokens: (Token | Comment)[] = [];
  const onToken = (it: Token | Comment) => tokens.push(it);
  parse(text, { ...OPTIONS, onToken, onComment: (_isBlock, _text, start, end) => onToken({ start, end } as Comment) });
  tokens.sort((a, b) => a.start - b.start || a.end - b.end);
  const edits = tokens.map(({ start: end }, i): Edit => {
    const begin = tokens[i - 1]?.end ?? 0;
    return [begin, end, text.slice(begin, end).replace(/\s*\n\s+/, "\n")];
  });
  return edited(text, edits);
}

/** The text with these parts of it replaced. */
export function edited(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const [begin, end, instead] of edits.toSorted(([a, b], [c, d]) => a - c || b - d)) {
    parts.push(text.slice(at, begin), instead);
    at = end;
  }
  return [...parts, text.slice(at)].join("");
}
