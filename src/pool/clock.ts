// When something was in a worker, on this process's clock. The clocks of all processes of a machine run alike and begin
// when their processes do; a worker that is ready says how its own is set.

import { performance, wallClock } from "../runtime/timing.ts";

/** Times travel in 32 bits, as so many ticks for each millisecond. */
const TICKS = 100;
/** After so many milliseconds they begin again at 0: twelve hours. */
const SPAN = 2 ** 32 / TICKS;

/** How a clock is set: a time on it, and the same time of day. */
export type Setting = readonly [time: number, wall: number];

/** How the clock of this process is set. */
export function clockSetting(): Setting {
  return [performance.now(), wallClock()];
}

/** How many milliseconds are to be added to a worker's time, which has just said how its clock is set. */
export function lagOf([time, wall]: Setting): number {
  const [now, wallNow] = clockSetting();
  const lag = wall - time - (wallNow - now);
  // A test may have replaced the time of day.
  return time + lag >= 0 && time + lag <= now ? lag : now - time;
}

/** A time as it travels. */
export function ticksOf(time: number): number {
  return Math.round(time * TICKS) % 2 ** 32;
}

/** The time that has travelled, which is less than six hours before or after `near`, on this process's clock. */
export function timeOf(ticks: number, near: number, lag: number): number {
  const time = ticks / TICKS + lag;
  return time + SPAN * Math.round((near - time) / SPAN);
}
