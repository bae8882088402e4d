// What the tests of the documents read in them: code blocks, headings, links and tables.

/** The root of the repository. */
export const ROOT: URL = new URL("../../", import.meta.url);

/** A fenced block of code. */
export interface Block {
  /** The first word of the info string, as `ts`. */
  readonly language: string;
  /** The other words of the info string, as `no-run` or `args=a.txt`; a bare word has the value `""`. */
  readonly words: ReadonlyMap<string, string>;
  readonly text: string;
  /** The number of the line that the text begins in, from 1. */
  readonly line: number;
  /** The heading above it. */
  readonly section: string;
  /** Whether nothing but empty lines stands between the block before and this one. */
  readonly isAdjacent: boolean;
}

/** A link in a document. */
export interface Link {
  readonly target: string;
  readonly line: number;
}

/** A document of the repository. */
export class Document {
  /** Its path from the root. */
  readonly path: string;
  readonly text: string;
  readonly blocks: Block[] = [];
  /** The anchors of its headings, as GitHub makes them. */
  readonly anchors: Set<string> = new Set();
  readonly links: Link[] = [];

  constructor(path: string) {
    this.path = path;
    this.text = Deno.readTextFileSync(new URL(path, ROOT));
    this.#read(this.text.split("\n"));
  }

  /** Where a block is, for messages and to find it. */
  where(block: Block): string {
    return `${this.path}:${block.line}`;
  }

  /** The rows of the first table below the heading `section`, without its head: the cells of each. */
  rows(section: string): string[][] {
    const lines = this.text.split("\n");
    const heading = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === section);
    if (heading < 0) throw new Error(`Cannot find the section "${section}" in ${this.path}`);
    const first = lines.findIndex((line, i) => i > heading && line.startsWith("|"));
    const end = lines.findIndex((line, i) => i > first && !line.startsWith("|"));
    return lines.slice(first + 2, end).map(cellsOf);
  }

  #read(lines: readonly string[]): void {
    const seen = new Map<string, number>();
    let section = "";
    let isAdjacent = false;
    for (let i = 0; i < lines.length; i++) {
      const fence = lines[i].match(/^( *)```(\S*) *(.*)$/);
      if (fence !== null) {
        const end = lines.findIndex((line, j) => j > i && line.trim() === "```");
        if (end < 0) throw new Error(`Cannot read ${this.path}:${i + 1}: the block has no end`);
        const [, indent, language, info] = fence;
        const text = lines.slice(i + 1, end).map((line) => line.slice(indent.length)).join("\n") + "\n";
        this.blocks.push({ language, words: wordsOf(info), text, line: i + 2, section, isAdjacent });
        isAdjacent = true;
        i = end;
        continue;
      }
      if (lines[i].trim() !== "") isAdjacent = false;
      const heading = lines[i].match(/^#+ (.*)$/)?.[1];
      if (heading !== undefined) {
        section = heading;
        const slug = slugOf(heading);
        const times = seen.get(slug) ?? 0;
        seen.set(slug, times + 1);
        this.anchors.add(times === 0 ? slug : `${slug}-${times}`);
      }
      const prose = lines[i].replace(/`[^`]*`/g, (code) => "x".repeat(code.length));
      for (const { 1: target } of prose.matchAll(/\]\(([^)\s]+)\)/g)) this.links.push({ target, line: i + 1 });
    }
  }
}

/** The cells of a row; a `\|` in a cell is a `|`. */
function cellsOf(row: string): string[] {
  return row.trim().slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

/** The words of an info string: a `key=value`, or a bare word; what follows a colon is a remark. */
function wordsOf(info: string): Map<string, string> {
  const [words] = info.split(/: |:$/);
  return new Map(
    words.split(/\s+/).filter((word) => word !== "").map((word) => {
      const [key, ...value] = word.split("=");
      return [key, value.join("=")];
    }),
  );
}

/** The anchor that GitHub gives a heading. */
function slugOf(heading: string): string {
  const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll("`", "").trim().toLowerCase();
  return text.replace(/[^\p{L}\p{N}\p{M}\-_ ]/gu, "").replaceAll(" ", "-");
}

/** The paths of all documents, from the root. */
export function documentPaths(): string[] {
  const found: string[] = [];
  const visit = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
      if (isDirectory && folder !== "") visit(`${folder}${name}/`);
      else if (name.endsWith(".md")) found.push(folder + name);
    }
  };
  visit("");
  visit("docs/");
  return found.sort();
}
