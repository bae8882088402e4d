// The work of the pipelines: a file of JSON lines, summed up by one of their fields.

/** Bytes of a piece of the file. */
export const PIECE = 1 << 18;
/** Bytes that one operation is about. */
export const MEGABYTE = 1_000_000;
const NEWLINE = 10;

export type Totals = Record<string, number>;

/** A file of so many megabytes of lines, which is made where it is not there yet. */
export async function fileOf(megabytes: number): Promise<string> {
  const folder = new URL("../../target/bench/", import.meta.url).pathname;
  const path = `${folder}lines-${megabytes}.jsonl`;
  const size = await Deno.stat(path).then((it) => it.size, () => 0);
  if (size >= megabytes * MEGABYTE) return path;
  const block = new TextEncoder().encode(linesOf(MEGABYTE));
  await Deno.mkdir(folder, { recursive: true });
  using file = await Deno.open(`${path}.new`, { write: true, create: true, truncate: true });
  for (let i = 0; i < megabytes; i++) file.writeSync(block);
  await Deno.rename(`${path}.new`, path);
  return path;
}

/** Lines of exactly so many bytes. */
function linesOf(length: number): string {
  const lines: string[] = [];
  let left = length;
  for (let id = 0; left > 0; id++) {
    const order = {
      id,
      country: COUNTRIES[id % COUNTRIES.length],
      amount: id % 97,
      sent: id % 3 === 0,
      tags: ["a", "b"],
    };
    const line = JSON.stringify({ ...order, text: "some words of a customer" });
    const missing = left - line.length - 1;
    // The last line is as long as it has to be.
    lines.push(
      missing >= 200
        ? line
        : JSON.stringify({ ...order, text: "x".repeat(left - JSON.stringify({ ...order, text: "" }).length - 1) }),
    );
    left -= lines.at(-1)!.length + 1;
  }
  return lines.join("\n") + "\n";
}

const COUNTRIES = ["AT", "BE", "CH", "DE", "FR", "IT", "LU", "NL"];

/** Reads into `bytes` behind the rest of the piece before; where whole lines end, and where the bytes end. */
export function fill(file: Deno.FsFile, bytes: Uint8Array, rest: Uint8Array): { end: number; filled: number } {
  bytes.set(rest);
  const count = file.readSync(bytes.subarray(rest.length)) ?? 0;
  const filled = rest.length + count;
  return { end: bytes.subarray(0, filled).lastIndexOf(NEWLINE) + 1, filled };
}

const decoder = new TextDecoder();

/** The totals of the lines of a piece. */
export function totalsOf(bytes: Uint8Array): Totals {
  const totals: Totals = {};
  for (const line of decoder.decode(bytes).trimEnd().split("\n")) {
    const { country, amount } = JSON.parse(line);
    totals[country] = (totals[country] ?? 0) + amount;
  }
  return totals;
}

/** Adds the totals of a piece. */
export function add(all: Totals, totals: Totals): void {
  for (const [country, amount] of Object.entries(totals)) all[country] = (all[country] ?? 0) + amount;
}

/** Says how long it took for so many megabytes; fails if the totals are wrong. */
export function tell(work: string, totals: Totals, megabytes: number, milliseconds: number): void {
  const expected: Totals = {};
  add(expected, totalsOf(new TextEncoder().encode(linesOf(MEGABYTE))));
  for (const [country, amount] of Object.entries(expected)) {
    if (totals[country] !== amount * megabytes) throw new Error(`Cannot measure: ${country} is ${totals[country]}`);
  }
  console.log(JSON.stringify({ work, ns: milliseconds * 1e6 / megabytes }));
}
