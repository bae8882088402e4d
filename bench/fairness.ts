// Eight processes that want the same lock all the time: how often each gets it,
// and how long the unluckiest waits.
//
// usage: deno run -A bench/fairness.ts

import { Lock, RawArray, Semaphore } from "@parallel/multiprocessing";
import { race, type StartLine, timeLane } from "./deno/start_line.ts";
import { isSmoke, many } from "./smoke.ts";
import { aligned } from "./table.ts";

const CONTENDERS = 8;
/** Milliseconds. */
const DURATION = many(3_000, 50);
/** The most may be so many times the least. */
const SPREAD = 10;
/** Pairs between two looks at the clock. */
const STRETCH = 16;

/** By lane: acquisitions, and the longest stretch in milliseconds. */
interface Shares {
  readonly times: Int32Array;
  readonly longest: Float64Array;
}

/** Acquires and releases until the time is over; leaves its shares. */
export function contender(line: StartLine, lane: number, lock: Lock | Semaphore, shares: Shares): void {
  timeLane(line, lane, () => {
    let now = performance.now();
    const end = now + DURATION;
    let n = 0;
    let longest = 0;
    while (now < end) {
      for (let i = 0; i < STRETCH; i++) {
        lock.acquireSync();
        lock.release();
      }
      n += STRETCH;
      const begin = now;
      now = performance.now();
      longest = Math.max(longest, now - begin);
    }
    shares.times[lane] = n;
    shares.longest[lane] = longest;
  });
}

/** What the contenders got. */
function contend(lock: Lock | Semaphore): Shares {
  const shares = { times: RawArray("i32", CONTENDERS), longest: RawArray("f64", CONTENDERS) };
  race(contender, CONTENDERS, lock, shares);
  return shares;
}

function main(): boolean {
  const locks = { "Lock": new Lock(), "Semaphore(1)": new Semaphore(1) };
  let isFair = true;
  const rows = Object.entries(locks).map(([name, lock]) => {
    const { times, longest } = contend(lock);
    times.sort();
    const spread = times[CONTENDERS - 1] / times[0];
    isFair &&= spread <= SPREAD;
    return [
      name,
      ...Array.from(times, String),
      spread.toFixed(2),
      spread <= SPREAD ? "yes" : "NO",
      `${Math.max(...longest).toFixed(0)} ms`,
    ];
  });
  console.log(`${CONTENDERS} processes, ${DURATION / 1000} s: acquisitions of each, from the least to the most`);
  const head = ["", ...Array.from({ length: CONTENDERS }, (_, index) => `${index + 1}.`)];
  console.log(aligned([[...head, "most/least", `<= ${SPREAD}?`, "longest wait"], ...rows]));
  return isFair;
}

if (import.meta.main) Deno.exit(main() || isSmoke ? 0 : 1);
