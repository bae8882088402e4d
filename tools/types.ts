// The types of `dist/`: copies of the sources, which a program's compiler reads and nobody runs. The options of a program
// (`noUncheckedIndexedAccess`, say) hold for all local files that it imports, and are stricter than those that the sources
// are written for; in the copies the compiler reports nothing.

/** Where the copies are, in `dist/`. */
const FOLDER = "types";

/** The line that says where the types of a module are, whose source has that path. */
export function typesLine(source: string): string {
  return `// @ts-self-types="./${FOLDER}/${source}"\n`;
}

/** Copies the sources: files, and folders with all that is in them. */
export function copyTypes(root: URL, dist: string, sources: readonly string[]): void {
  for (const source of sources) copy(new URL(source, root).pathname, `${dist}/${FOLDER}/${source}`);
}

function copy(from: string, to: string): void {
  if (Deno.statSync(from).isFile) return write(to, Deno.readTextFileSync(from));
  for (const { name } of Deno.readDirSync(from)) copy(`${from}/${name}`, `${to}/${name}`);
}

function write(file: string, text: string): void {
  Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
  const code = text.replace(/^#!.*/, ""); // what a shell reads of a program stands in its first line only
  Deno.writeTextFileSync(file, `// @ts-nocheck: a copy for the compiler (tools/types.ts)\n${code}`);
}
