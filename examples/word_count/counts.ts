// Counting: the words of texts, and the phrases that a text repeats. Nothing here knows of processes.

import { stemmer } from "stemmer";
import { type Corpus, readText, tokenise } from "./texts.ts";

/** How often each word, or each phrase, occurs. */
export type Counts = Map<string, number>;

/** What is found in texts. */
export interface Findings {
  readonly words: Counts;
  /**
   * Runs of words, each reduced to its stem (`the unit state` for "the United States"), with their occurrences in texts
   * that have them at least {@linkcode REPEATED} times.
   */
  readonly phrases: Counts;
}

/** Phrases have so many words. */
const SHORTEST = 2;
export const LONGEST = 3;
/** So often a text must have a phrase. */
export const REPEATED = 3;

/** Findings of no text. */
export function nothing(): Findings {
  return { words: new Map(), phrases: new Map() };
}

function add(counts: Counts, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

/** Adds the words and phrases of the file at `path` to `findings`. */
export function countFile({ words, phrases }: Findings, path: string, isTagged: boolean): void {
  const text = tokenise(readText(path), isTagged);
  for (const word of text) add(words, word, 1);
  for (const [phrase, count] of phrasesOf(text)) if (count >= REPEATED) add(phrases, phrase, count);
}

/** How often each phrase occurs in a text. */
export function phrasesOf(words: readonly string[]): Counts {
  const stems = words.map(stemmer);
  const counts: Counts = new Map();
  for (let end = SHORTEST; end <= stems.length; end++) {
    let phrase = stems[end - 1];
    for (let length = SHORTEST; length <= Math.min(LONGEST, end); length++) {
      phrase = `${stems[end - length]} ${phrase}`;
      add(counts, phrase, 1);
    }
  }
  return counts;
}

/** Counts in this process alone. */
export function countAlone({ files, isTagged }: Corpus): Findings {
  const findings = nothing();
  for (const path of files) countFile(findings, path, isTagged);
  return findings;
}

/** Counts as they are sent: one string and one array take a tenth of the time of a map with thousands of strings. */
export interface PackedCounts {
  /** The words or phrases, separated by line feeds. */
  keys: string;
  /** How often each of them occurs. */
  counts: Uint32Array;
}

/** Findings as they are sent. */
export interface PackedFindings {
  words: PackedCounts;
  phrases: PackedCounts;
}

/** `findings` in the form in which they are sent. */
export function pack({ words, phrases }: Findings): PackedFindings {
  const packed = (counts: Counts) => ({
    keys: [...counts.keys()].join("\n"),
    counts: Uint32Array.from(counts.values()),
  });
  return { words: packed(words), phrases: packed(phrases) };
}

/** Adds findings that were sent to `findings`. */
export function merge(findings: Findings, more: PackedFindings): void {
  for (const kind of ["words", "phrases"] as const) {
    const { keys, counts } = more[kind];
    if (counts.length > 0) keys.split("\n").forEach((key, i) => add(findings[kind], key, counts[i]));
  }
}

/** The `n` commonest, the commonest first; those that occur equally often in alphabetical order. */
export function top(counts: Counts, n: number): [key: string, count: number][] {
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, n);
}

/** The number of words counted. */
export function total(counts: Counts): number {
  return counts.values().reduce((sum, count) => sum + count, 0);
}

/** Whether two findings are the same. */
export function isEqual(a: Findings, b: Findings): boolean {
  const isSame = (one: Counts, other: Counts) =>
    one.size === other.size && one.entries().every(([key, count]) => other.get(key) === count);
  return isSame(a.words, b.words) && isSame(a.phrases, b.phrases);
}
