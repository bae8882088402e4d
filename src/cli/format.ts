// Numbers and texts as people read them, and as wide as a terminal shows them.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A time in milliseconds, in at most two units: `350 ms`, `40 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (!(ms >= 0)) return "0 ms"; // a clock that others have set
  if (ms < 1000) return `${Math.floor(ms)} ms`;
  if (ms < 10_000) return `${(Math.floor(ms / 100) / 10)} s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const [minutes, hours, days] = [60, 3600, 86_400].map((length) => Math.floor(seconds / length));
  if (hours === 0) return two(minutes, "min", seconds % 60, "s");
  if (days === 0) return two(hours, "h", minutes % 60, "min");
  return two(days, "d", hours % 24, "h");
}

function two(many: number, unit: string, few: number, lesser: string): string {
  return few === 0 ? `${many} ${unit}` : `${many} ${unit} ${few} ${lesser}`;
}

/** Bytes, in the unit that leaves one to four digits: `512 B`, `1.5 KiB`, `87 MiB`. */
export function bytes(count: number): string {
  let unit = 0;
  let amount = count;
  while (amount >= 1000 && unit < UNITS.length - 1) [amount, unit] = [amount / 1024, unit + 1];
  return `${unit === 0 || amount >= 10 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}

/** So many of something in a second: `0`, `<0.1`, `3.5`, `120`, `45k`. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return "0";
  if (perSecond < 0.05) return "<0.1";
  if (perSecond < 10) return perSecond.toFixed(1);
  return perSecond < 10_000 ? `${Math.round(perSecond)}` : `${Math.round(perSecond / 1000)}k`;
}

/** `1 message`, `2 messages`. */
export function counted(count: number, what: string, several = `${what}s`): string {
  return `${count} ${count === 1 ? what : several}`;
}

/** Words as a list in a sentence: `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** What takes two columns of a terminal … */
const WIDE =
  /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Emoji_Presentation}|[\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]/u;
/** … and what takes none. */
const NARROW = /\p{Mn}|\p{Me}|\p{Cf}/u;

/** How many columns of a terminal a text without control characters takes, near enough: terminals differ. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

function columnsOf(character: string): number {
  if (character < "\u0300") return 1;
  if (WIDE.test(character)) return 2;
  return NARROW.test(character) ? 0 : 1;
}

/** The text, cut to so many columns; what was cut ends with `…`. */
export function fitted(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let width = 0;
  let kept = "";
  for (const character of text) {
    width += columnsOf(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return columns < 1 ? "" : `${kept}…`;
}

/** A cell of a table: a text, or a number to be put to the right. */
export type Cell = string | { readonly right: string };

/** Rows whose cells stand below each other, two spaces apart. The last column is as long as it is. */
export function tabled(rows: readonly (readonly Cell[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => widths[column] = Math.max(widths[column] ?? 0, widthOf(textOf(cell))));
  }
  return rows.map((row) =>
    row.map((cell, column) => {
      const text = textOf(cell);
      const space = " ".repeat(widths[column] - widthOf(text));
      return typeof cell === "string" ? text + space : space + text;
    }).join("  ").trimEnd()
  );
}

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.right;
}
