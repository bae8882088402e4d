// Counts the words and phrases of a folder of texts, first with one process per core, then in this process alone, and
// compares: the results, and the times. One line says where the processes run: on this machine, or on all hosts of an engine.
//
// word_count/texts.ts     which files, and the words in them
// word_count/counts.ts    counting, in one process
// word_count/parallel.ts  counting, in several: start here to see how processes and queues are used
// word_count/crew.ts      how the end of a worker is noticed

import { getContext } from "@parallel/multiprocessing";
import type { BaseContext } from "@parallel/multiprocessing/context";
import { countAlone, type Counts, isEqual, LONGEST, REPEATED, top, total } from "./word_count/counts.ts";
import { countInParallel, idealTime } from "./word_count/parallel.ts";
import { brown, CountError, filesOf } from "./word_count/texts.ts";

const USAGE = `Usage: word_count.ts [--url <url of an engine>] [folder]

Counts the words of all files in a folder and the folders in it, and the phrases that a file has at least ${REPEATED} times.
Names that start with a dot and links to folders are left out. Without a folder it reads the Brown corpus (500 American
English texts of 1961).

A word is a run of letters and digits, with single apostrophes or hyphens inside it; upper and lower case are the same. A
phrase is two or three words in a row, each reduced to its stem by the rules of English (Porter's algorithm).
Every file must be readable UTF-8 text: the first one that is not ends the count with an error that names it.

With --url the processes run on all hosts of that engine, one for each slot. What a host was counting that is lost is counted
anew on another.`;

const [url, args] = Deno.args[0] === "--url" ? [Deno.args[1] ?? "", Deno.args.slice(2)] : [undefined, Deno.args];
const mp: BaseContext = url ? getContext(url, {}) : getContext(); // the line

/** Prints the commonest words or phrases, each with its count. */
function show(counts: Counts, n: number, wordsInAll: number): void {
  for (const [key, count] of top(counts, n)) {
    const share = (100 * count / wordsInAll).toFixed(2);
    console.log(`${key.padEnd(24)} ${String(count).padStart(9)} ${share.padStart(6)} %`);
  }
}

async function main(args: string[]): Promise<void> {
  if (args[0] === "--help") return console.log(USAGE);
  if (url === "") throw new CountError("Cannot count words: --url has no value");
  if (args.length > 1) throw new CountError(`Cannot count words: ${args.length} folders given, at most one wanted`);
  const corpus = args.length === 0
    ? await brown()
    : { files: filesOf(args[0].replace(/(.)\/+$/, "$1")), isTagged: false };
  if (corpus.files.length === 0) throw new CountError(`Cannot count words: the folder "${args[0]}" holds no files`);

  // The processes go first: reading files for the first time is part of their time, not of the other.
  const processes = mp.cpuCount();
  // A portion whose hosts are lost again and again is nobody's fault.
  const queueOptions = url === undefined ? {} : { onConsumerDeath: "redeliver", maxDeliveries: 255 };
  const { findings, anew, startUp, time } = await countInParallel(corpus, { mp, processes, queueOptions });
  const begin = performance.now();
  const check = countAlone(corpus);
  const alone = performance.now() - begin;
  const ideal = url === undefined ? await idealTime(corpus, processes) : null; // the others' processors are not known

  const { words, phrases } = findings;
  const all = total(words);
  show(words, 20, all);
  const long = new Map([...phrases].filter(([phrase]) => phrase.split(" ").length === LONGEST));
  if (long.size > 0) console.log(`\nphrases of ${LONGEST} words, by their stems`);
  show(long, 10, all);
  console.log(`\n${all} words, ${words.size} of them different, in ${corpus.files.length} files`);

  const line = (what: string, figure: string) => console.log(`${what.padEnd(13)} ${figure}`);
  line("1 process:", `${alone.toFixed(0)} ms`);
  line(`${processes} processes:`, `${time.toFixed(0)} ms, after ${startUp.toFixed(0)} ms of starting them`);
  line("speed-up:", `${(alone / time).toFixed(2)}, with the start ${(alone / (startUp + time)).toFixed(2)}`);
  if (ideal !== null) {
    const speedUp = (alone / ideal).toFixed(2);
    line("ideal:", `${speedUp}, from ${processes} processes that share nothing: ${ideal.toFixed(0)} ms`);
    line("of the ideal:", (ideal / time).toFixed(2));
  } else {
    line("counted anew:", `${anew} portions, since their host was lost`);
  }
  if (!isEqual(findings, check)) throw new CountError("Cannot trust the count: the results differ");
  console.log("results equal");
}

if (import.meta.main) {
  try {
    await main(args);
  } catch (error) {
    if (!(error instanceof CountError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
