// Children by the thousand: one after the other, and a hundred at a time, by either start method. Each must end with
// exit code 0, and afterwards nothing may be left: no zombie, descriptor, thread, place in the table or block, and no
// memory that grows with the number of children.
//
// usage: deno run -A tests/soak/processes.ts [--row=1000] [--crowd=100]

import { activeChildren, getContext, type Process } from "@parallel/multiprocessing";
import { native } from "../../src/addon/load.ts";
import { nothing } from "../fixtures/targets.ts";
import { assertNothingLeft, belongings, PATIENCE, within } from "../support/helpers.ts";
import { endWith } from "./command_line.ts";

const METHODS = ["spawn", "forkserver"] as const;
/** Descriptors that Deno opens for itself at some time: a pair of sockets. */
const DENOS_OWN = 2;
/** How much memory a child that has ended may leave in its parent, in bytes: the garbage of one start. */
const BYTES_PER_CHILD = 8 * 1024;
/** Memory that may come and go without any meaning, in bytes. */
const NOISE = 32 * 1024 * 1024;

/** How many children. */
export interface Size {
  /** One after the other. */
  row: number;
  /** At a time. */
  crowd: number;
}

/** Starts and joins so many at a time; the exit codes other than 0. */
async function crowd(Class: typeof Process, count: number): Promise<string[]> {
  const children = Array.from({ length: count }, () => new Class({ target: nothing }));
  for (const child of children) child.start();
  const patience = PATIENCE + 1000 * count;
  await Promise.all(children.map((child) => within(child.join(), `the end of "${child.name}"`, patience)));
  const wrong = children.filter(({ exitcode }) => exitcode !== 0).map(({ name, exitcode }) => `"${name}": ${exitcode}`);
  for (const child of children) child.close();
  return wrong;
}

/** Memory of this process that is its own, in bytes. */
function residentBytes(): number {
  return Deno.memoryUsage().rss;
}

/** Starts so many children by each method, and calls `say` with the figures of each; what has been found wrong. */
export async function soak({ row, crowd: size }: Size, say: (line: string) => void = () => {}): Promise<string[]> {
  const violations: string[] = [];
  for (const method of METHODS) {
    const { Process } = getContext(method);
    await crowd(Process, 2); // what is set up once is no child's
    const now = belongings();
    const before = { ...now, descriptors: now.descriptors + DENOS_OWN };
    const { blocks } = native().memoryUsage();
    const bytes = residentBytes();

    let begin = performance.now();
    for (let i = 0; i < row; i++) violations.push(...await crowd(Process, 1));
    const each = (performance.now() - begin) / row;
    const grown = residentBytes() - bytes;
    begin = performance.now();
    violations.push(...await crowd(Process, size));
    const together = performance.now() - begin;

    await assertNothingLeft(before).catch(({ message }: Error) => violations.push(`${method} leaves: ${message}`));
    if (activeChildren().length > 0) violations.push(`${method}: ${activeChildren().length} children are still active`);
    const left = native().memoryUsage().blocks - blocks;
    if (left > 0) violations.push(`${method}: ${left} blocks are left`);
    if (grown > NOISE + row * BYTES_PER_CHILD) violations.push(`${method}: the parent has grown by ${grown} bytes`);
    say(
      `${method}: ${row} in a row, ${each.toFixed(0)} ms each; ${size} at a time in ${
        (together / 1000).toFixed(1)
      } s; ` +
        `the parent has grown by ${(grown / 2 ** 20).toFixed(1)} MiB, blocks by ${left}`,
    );
  }
  return violations;
}

if (import.meta.main) {
  const size: Size = { row: 1000, crowd: 100 };
  for (const argument of Deno.args) {
    const [, name, count] = argument.match(/^--(row|crowd)=([1-9]\d*)$/) ?? [];
    if (name === undefined) {
      console.error("usage: deno run -A tests/soak/processes.ts [--row=1000] [--crowd=100]");
      Deno.exit(2);
    }
    size[name as keyof Size] = Number(count);
  }
  const violations = await soak(size, console.log);
  endWith(violations);
}
