// The book of a soak: one file in which all processes on all hosts write a line before and after whatever they do. The order
// of its lines is that in which they were written; a process that is killed leaves what it had written until then.

/** A line of the book. */
export interface Line {
  /** Who wrote it: a life of a process at a seat, a worker of the pool, or {@linkcode ROOT}. */
  readonly life: string;
  /** The part of the soak that it is about. */
  readonly part: string;
  readonly event: string;
  readonly args: readonly string[];
}

/** The root's life, which nobody ends. */
export const ROOT = "root";

/** Ends each line: one without it was being written when its writer was killed. */
const MARK = ".";

/** The book as one process writes it. */
export class Book implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #life: string;
  readonly #encoder = new TextEncoder();

  constructor(folder: string, life: string) {
    this.#file = Deno.openSync(pathOf(folder), { append: true, create: true });
    this.#life = life;
  }

  /** Writes a line. The values have no spaces in them. */
  note(part: string, event: string, ...args: (string | number)[]): void {
    // A line feed comes first too: a line that was broken off by a death ends there.
    const line = this.#encoder.encode(`\n${[this.#life, part, event, ...args, MARK].join(" ")}\n`);
    if (this.#file.writeSync(line) !== line.length) throw new Error("Cannot write the book: the disk is full");
  }

  /** Notes what must not be. */
  fault(part: string, what: string): void {
    this.note(part, "fault", ...what.split(" "));
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function pathOf(folder: string): string {
  return `${folder}/book`;
}

/** The whole lines of the book in a folder: all, or those of one life. */
export function readBook(folder: string, life?: string): Line[] {
  const text = Deno.readTextFileSync(pathOf(folder));
  if (life === undefined) return linesOf(text);
  return linesOf(text.split("\n").filter((line) => line.startsWith(`${life} `)).join("\n"));
}

/** The whole lines of a text. */
export function linesOf(text: string): Line[] {
  return text.split("\n").flatMap((line) => {
    const words = line.split(" ");
    if (words.length < 4 || words.pop() !== MARK) return [];
    const [life, part, event, ...args] = words;
    return [{ life, part, event, args }];
  });
}

/** Whether the soak is over: everybody comes to their end then. */
export function isOver(folder: string): boolean {
  try {
    Deno.statSync(`${folder}/over`);
    return true;
  } catch {
    return false;
  }
}

/** Has everybody come to their end. */
export function endSoon(folder: string): void {
  Deno.writeTextFileSync(`${folder}/over`, "");
}
