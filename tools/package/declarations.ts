// The types of the npm package: `.d.ts` files that Deno's own compiler makes of the sources, one for each.
//
// `dist/types/`, which clones use, has copies of the sources instead: to make these takes no compiler. npm packages cannot
// have them, since Deno takes no TypeScript from there.

/** Writes the declarations of all entries, which have the paths of their sources, to the folder. */
export async function writeDeclarations(root: URL, entries: readonly string[], folder: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    // The sources are checked by the gate.
    args: ["transpile", "--quiet", "--no-check", "--declaration", `--outdir=${folder}`, ...entries],
    cwd: root,
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot make declarations: ${new TextDecoder().decode(stderr).trim()}`);
  for (const file of filesIn(folder)) {
    if (file.endsWith(".d.ts")) Deno.writeTextFileSync(file, portable(Deno.readTextFileSync(file)));
    else Deno.removeSync(file);
  }
}

/** The declarations without the place that they were made at, and with imports that lead to declarations. */
function portable(text: string): string {
  return text
    .replaceAll(/^\/\/\/ <amd-module .*\n/gm, "")
    .replaceAll(/^\/\/# sourceMappingURL=.*\n?/gm, "")
    .replaceAll(/((?:\bfrom |\bimport |\bimport\()"\.{1,2}\/[^"]*)\.ts"/g, '$1.d.ts"');
}

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}
