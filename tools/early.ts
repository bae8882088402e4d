// Has V8 compile what each start of a process calls together with its file.
//
// Deno keeps what V8 has compiled of a file when it has read it: its top level. A function is compiled when it is first
// called, by each process anew, unless it stands in parentheses: V8 takes that for one that is called at once. So the
// functions that a child calls before its target, or before it is ready for a pool's tasks, are put into parentheses. Which
// they are, V8 tells of a process and of a worker that are started. All functions would make each child 0.8 MiB larger.

import { classesIn, withLate } from "./late.ts";
import { parsed } from "./syntax.ts";

const PROGRAM = `import { Pool, Process } from "@parallel/multiprocessing";
export function nothing() {}
if (import.meta.main) {
  const child = new Process({ target: nothing });
  child.start();
  await child.join();
  await using pool = new Pool(1);
  await pool.apply(nothing);
}
`;

/** Rewrites the files of the package in that folder that a child loads. Where no child can be started, that is told. */
export async function suitStarts(folder: string): Promise<void> {
  for (const [file, places] of await calledAtStart(folder)) {
    const path = `${folder}/${file}`;
    const text = Deno.readTextFileSync(path);
    const isUsed = (begin: number, end: number) => places.values().some((it) => it >= begin && it < end);
    const used = new Set(classesIn(text).filter(({ begin, end }) => isUsed(begin, end)).map(({ name }) => name));
    Deno.writeTextFileSync(path, withLate(withEarly(text, places), used));
  }
}

/** The file with the functions in parentheses that are at these places: first of all, since expressions are not hoisted. */
export function withEarly(text: string, places: ReadonlySet<number>): string {
  const early: string[] = [];
  const rest: string[] = [];
  let end = 0;
  for (const it of parsed(text).body) {
    // V8 says that a function is where its parameters begin.
    if (it.type !== "FunctionDeclaration" || !places.has(text.indexOf("(", it.id.end))) continue;
    early.push(`var ${it.id.name} = (${text.slice(it.start, it.end)});\n`);
    rest.push(text.slice(end, it.start));
    end = it.end + 1; // with the end of its line
  }
  return [...early, ...rest, text.slice(end)].join("");
}

/** Where the functions are that children compile when they are started, by the names of their files. */
async function calledAtStart(folder: string): Promise<Map<string, Set<number>>> {
  const logs = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${logs}/program.js`, PROGRAM);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--no-config", `--import-map=${folder}/import_map.json`],
        `--v8-flags=--log-function-events,--no-logfile-per-isolate,--logfile=${logs}/%p.log`,
        `${logs}/program.js`,
      ],
      env: { DENO_DIR: `${logs}/cache` }, // of a file that is known, V8 would not tell what it has compiled before
    }).output();
    if (!success) {
      console.error(`Cannot tell what a start calls, so each takes 2 ms longer: ${new TextDecoder().decode(stderr)}`);
      return new Map();
    }
    const names = [...Deno.readDirSync(logs)].map(({ name }) => name).filter((name) => name.endsWith(".log"));
    return compiledIn(names.map((name) => Deno.readTextFileSync(`${logs}/${name}`)).filter(isOfChild));
  } finally {
    Deno.removeSync(logs, { recursive: true });
  }
}

function isOfChild(log: string): boolean {
  return /^script-details,\d+,[^,]*\/child_main\.js,/m.test(log);
}

/**
 * What V8's logs say was compiled, by the names of the files. A process may give a number to two files; the places of each
 * are then those of both, since no function of the other begins there.
 */
function compiledIn(logs: readonly string[]): Map<string, Set<number>> {
  const compiled = new Map<string, Set<number>>();
  for (const log of logs) {
    const files = Map.groupBy(log.matchAll(/^script-details,(\d+),file:[^,]*\/([^/,]+\.js),/gm), ([, id]) => id);
    // What sets up the fields of a class, V8 compiles with the file in any case.
    for (const [, id, place] of log.matchAll(/^function,interpreter,(\d+),(\d+),(?!.*<\w+_initializer>$)/gm)) {
      for (const [, , file] of files.get(id) ?? []) {
        compiled.set(file, (compiled.get(file) ?? new Set()).add(Number(place)));
      }
    }
  }
  compiled.delete("program.js");
  return compiled;
}
