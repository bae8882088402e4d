// A clock that goes only while the loop of this process turns. Where a machine has far more to do than it can, a loop
// stands still for seconds at a time, and what it waits for does as well: that is late, and no hang.

/** Milliseconds between two looks. */
const LOOK_EVERY = 500;
/** The most that one look counts: a loop that has stood still for longer has not turned meanwhile. */
const MOST = 2 * LOOK_EVERY;

let turned = 0;
let last = performance.now();

function look(): void {
  const now = performance.now();
  turned += Math.min(now - last, MOST);
  last = now;
}

Deno.unrefTimer(setInterval(look, LOOK_EVERY));

/** Milliseconds for which the loop of this process has turned. */
export function turningTime(): number {
  return turned + Math.min(performance.now() - last, MOST);
}
