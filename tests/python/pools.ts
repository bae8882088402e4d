// What the tests of pools with workers of Python share. Each runs with the oldest and the newest CPython that there is.

import { Pool, type PoolOptions, python } from "@parallel/multiprocessing";
import { assertNothingLeft, belongings, within } from "../support/helpers.ts";
import { type Python, pythons } from "../support/python.ts";

/** The module of the functions. */
export const MODULE: string = new URL("../fixtures/python/pool_functions.py", import.meta.url).href;

/** The oldest CPython of this machine, from 3.9 on. */
export const oldest: Python | undefined = pythons[0];
/** The oldest and the newest. */
export const bounds: readonly Python[] = pythons.filter((_, i) => i === 0 || i === pythons.length - 1);

/** The newest alone. */
export const newest: readonly Python[] = pythons.slice(-1);

const of = <F extends (...args: never[]) => unknown>(name: string) => python<F>(MODULE, name);

/** The functions of the module. */
export const functions = {
  square: of<(x: number) => number>("square"),
  subtract: of<(a: number, b: number) => number>("subtract"),
  named: of<(first: number, named: { times?: number; time?: number; word?: string }) => [number, string]>("named"),
  echo: of<(value: unknown) => unknown>("echo"),
  kind: of<(value: unknown) => string>("kind"),
  who: of<() => [pid: number, version: [number, number]]>("who"),
  load: of<(value: string) => void>("load"),
  loaded: of<() => [model: string | null, pid: number]>("loaded"),
  unload: of<() => void>("unload"),
  unload_badly: of<() => void>("unload_badly"),
  later: of<(x: number) => number>("later"),
  fail: of<(how: string) => never>("fail"),
  at_least: of<(x: number, least: number) => number>("at_least"),
  not_negative: of<(x: number) => number>("not_negative"),
  unsendable: of<(x: number) => unknown>("unsendable"),
  tell_and_wait: of<(how: string) => boolean>("tell_and_wait"),
  die: of<(how: string) => never>("die"),
  die_once: of<(how: string) => number>("die_once"),
  chatter: of<(size: number) => number>("chatter"),
  report: of<(values: unknown[]) => string>("report"),
  task_elsewhere: of<() => boolean>("task_elsewhere"),
  leave_thread_behind: of<() => string>("leave_thread_behind"),
  fork_and_look: of<() => string>("fork_and_look"),
  ignore_signals: of<() => never>("ignore_signals"),
  close_descriptors: of<(first: number) => number>("close_descriptors"),
  double_in_place: of<(view: Float64Array) => void>("double_in_place"),
  grow: of<(size: number) => number>("grow"),
};

/** From the first pool on, the threads that wait are there. */
let begun: Promise<void> | undefined;

/** Registers a test that must end in time and leave nothing behind, with each of some Pythons. */
export function test(name: string, run: (python: Python) => Promise<void>, with_: readonly Python[] = bounds): void {
  if (with_.length === 0) return Deno.test({ name: `${name} (there is no Python)`, ignore: true, fn: () => {} });
  for (const python of with_) {
    Deno.test(`${name} (Python ${python.version.join(".")})`, async () => {
      await (begun ??= new Pool(1, { python: python.path }).terminate());
      const before = belongings();
      await within(run(python), "the test");
      await assertNothingLeft(before);
    });
  }
}

/** As {@linkcode test}, with a pool of one worker. */
export function each(
  name: string,
  run: (pool: Pool, python: Python) => Promise<void>,
  options: Pick<PoolOptions, "grace" | "stderr"> = {},
  with_: readonly Python[] = bounds,
): void {
  test(name, async (python) => {
    await using pool = new Pool(1, { ...options, python: python.path });
    await run(pool, python);
  }, with_);
}
