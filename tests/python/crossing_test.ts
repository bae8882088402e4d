// Every primitive across Deno and Python: made by either, with either killed by SIGKILL at its worst moment, and looked at
// by both. What they are to see is what docs/failures.md says, whoever it is; a process of Python is as any other.

import { assertEquals } from "@std/assert";
import { Event, Process, python, Queue } from "@parallel/multiprocessing";
import { hold, type Kind, type Look, MAKERS, said, type State, type Thing } from "../fixtures/python/crossing.ts";
import { blocked, childrenOf, PATIENCE, sharedMemory, until, within } from "../support/helpers.ts";
import { type Python, pythons } from "../support/python.ts";

const MODULE = new URL("../fixtures/python/crossing.py", import.meta.url).pathname;
/** Rows that are tried at a time. */
const AT_A_TIME = 4;
/** States of which `before` sees that the victim has come into them. */
const WAITS_FIRST: readonly State[] = [
  "waits in wait, notified by nobody",
  "waits",
  "is inside a message",
];

/** Who does something. */
type Side = "Deno" | "Python";
const SIDES: readonly Side[] = ["Deno", "Python"];

/** One death: what its victim was about, and what others see then, in this order. */
interface Row {
  readonly kind: Kind;
  readonly state: State;
  /** What is done before the victim starts; where it is to be seen waiting, before it is killed. */
  readonly before?: (thing: Thing) => unknown;
  /** What is done after it. */
  readonly after?: (thing: Thing) => unknown;
  readonly looks: readonly (readonly [look: Look, sees: string])[];
}

const TOLD_ONCE = (look: Look) => [[look, "OwnerDiedError"], [look, "free"], [look, "free"]] as const;
const TWICE = (look: Look, sees: string) => [[look, sees], [look, sees]] as const;
/** What a victim waits for is there before, and given afterwards. */
const taken = { before: (thing: Thing) => thing.acquireSync(), after: (thing: Thing) => thing.release() };
const message = (thing: Thing) => {
  thing.putSync("first");
  thing.putSync("second");
};
/** Once it waits, the lock is free. */
const waits = (condition: Thing) => condition.acquireSync().release();

const ROWS: readonly Row[] = [
  { kind: "Lock", state: "holds", looks: TOLD_ONCE("acquire") },
  { kind: "Lock", state: "waits for it", ...taken, looks: TWICE("acquire", "free") },
  { kind: "RLock", state: "holds twice", looks: TOLD_ONCE("acquire") },
  { kind: "RLock", state: "waits for it", ...taken, looks: TWICE("acquire", "free") },
  ...(["Semaphore", "BoundedSemaphore"] as const).map((kind): Row => ({
    ...{ kind, state: "holds" },
    looks: [["try", "taken"], ["try", "taken"], ["release", "released"], ["acquire", "free"]],
  })),
  { kind: "Semaphore", state: "waits for it", ...taken, looks: TWICE("acquire", "free") },
  { kind: "Condition", state: "holds", looks: TOLD_ONCE("acquire") },
  {
    kind: "Condition",
    state: "waits in wait, notified by nobody",
    before: waits,
    looks: [["wait for a notification", "notified"], ["acquire", "free"]],
  },
  { kind: "Event", state: "waits", after: (event) => event.set(), looks: TWICE("wait", "set") },
  {
    kind: "Barrier",
    state: "waits",
    before: (barrier) => until("a party", () => barrier.nWaiting === 1),
    looks: TWICE("meet", "BrokenBarrierError"),
  },
  { kind: "Value", state: "holds, and has written", looks: [...TOLD_ONCE("acquire its lock"), ["read", "42"]] },
  { kind: "Array", state: "holds, and has written", looks: [...TOLD_ONCE("acquire its lock"), ["read", "42"]] },
  { kind: "RawArray", state: "has written", looks: TWICE("read", "42") },
  ...(["Queue", "SimpleQueue", "JoinableQueue"] as const).flatMap((kind): Row[] => [
    { kind, state: "waits for a message", after: message, looks: [["get", "first"], ["get", "second"]] },
    { kind, state: "has put", after: message, looks: [["get", "of the dead"], ["get", "first"], ["get", "second"]] },
  ]),
  {
    kind: "Queue",
    state: "has taken",
    before: (queue) => queue.putSync("lost"),
    after: message,
    looks: [["get", "first"], ["get", "second"]],
  },
  {
    kind: "JoinableQueue",
    state: "has taken",
    before: (queue) => queue.putSync("lost"),
    looks: [["join", "OwnerDiedError"]],
  },
  { kind: "Pipe", state: "has the other end", looks: [["receive", "EOFError"], ["send", "BrokenPipe"]] },
  {
    kind: "Pipe",
    state: "is inside a message",
    before: (pipe) => pipe.poll({ timeout: PATIENCE }),
    looks: [["receive bytes", "UnexpectedEof"]],
  },
];

/** A Python process that makes things, and looks at them. */
class Observer {
  readonly #questions = new Queue<unknown>();
  readonly #answers = new Queue<[number, Thing]>();
  readonly #process: Process;
  readonly #waiting = new Map<number, (answer: Thing) => void>();
  readonly #reading: Promise<void>;
  #count = 0;

  constructor(executable: string) {
    const target = python<(questions: Queue<unknown>, answers: Queue<[number, Thing]>) => void>(MODULE, "serve", {
      executable,
    });
    this.#process = new Process({ target, args: [this.#questions, this.#answers] });
    this.#process.start();
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    for (;;) {
      const [number, answer] = await this.#answers.get();
      if (number < 0) return;
      this.#waiting.get(number)!(answer);
      this.#waiting.delete(number);
    }
  }

  async ask(what: Look | "make" | "kill", thing: unknown): Promise<Thing> {
    const { promise, resolve } = Promise.withResolvers<Thing>();
    const number = this.#count++;
    this.#waiting.set(number, resolve);
    await this.#questions.put([number, what, thing]);
    return await within(promise, `the answer to "${what}"`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#questions.put(null);
    await within(this.#process.join(), "the end of the Python process");
    await this.#answers.put([-1, null]);
    await this.#reading;
    assertEquals(this.#process.exitcode, 0);
    this.#process.close();
    this.#questions[Symbol.dispose]();
    this.#answers[Symbol.dispose]();
  }
}

/** What a row is tried with: who makes the thing, who dies, and who looks first. */
interface Cast {
  readonly maker: Side;
  readonly victim: Side;
  readonly first: number;
}

/** Starts a process that comes into the state, kills it there, and has both sides look. */
async function act(row: Row, cast: Cast, observer: Observer, { path }: Python): Promise<void> {
  const { kind, state, before, after, looks } = row;
  const made = cast.maker === "Deno" ? MAKERS[kind]() : await observer.ask("make", kind);
  const [thing, others] = kind === "Pipe" ? made : [made, made];
  const ready = new Event();
  const victim = new Process({
    target: cast.victim === "Deno" ? hold : python<typeof hold>(MODULE, "hold", { executable: path }),
    args: [state, others, ready],
  });
  if (!WAITS_FIRST.includes(state)) await before?.(thing);
  victim.start();
  if (kind === "Pipe") others.close();
  assertEquals(await ready.wait({ timeout: PATIENCE }), true, "the victim is not ready");
  if (state.startsWith("waits")) await blocked(victim.pid!);
  if (WAITS_FIRST.includes(state)) await before?.(thing);
  if (cast.first === 0) victim.kill();
  else await observer.ask("kill", victim.pid);
  assertEquals(await victim.join({ timeout: PATIENCE }), true);
  assertEquals(victim.exitcode, -9);
  await after?.(thing);
  for (const [index, [look, sees]] of looks.entries()) {
    const side = SIDES[(cast.first + index) % 2];
    const inside = new Event();
    const what = look === "wait for a notification" ? [thing, inside] : thing;
    const answer = side === "Deno" ? said(look, what) : observer.ask(look, what);
    if (look === "wait for a notification") {
      await inside.wait();
      using _guard = await thing.acquire();
      thing.notify();
    }
    const place = `look ${index}, "${look}", of ${side} at a ${kind} made by ${cast.maker}; ${cast.victim} ${state}`;
    assertEquals([place, await within(answer, place)], [place, sees]);
    inside[Symbol.dispose]();
  }
  victim.close();
  ready[Symbol.dispose]();
  if (kind === "Pipe") thing.close();
  else thing[Symbol.dispose]?.();
}

/**
 * Which casts a row is tried with. A Deno process that dies is the same for every version: it does so beside the newest.
 * Between the oldest and the newest, the thing is made by either in turn.
 */
function castsOf(version: number, row: number): Cast[] {
  const first = (row + version) % 2;
  const victims: readonly Side[] = version === pythons.length - 1 ? SIDES : ["Python"];
  const makers = version === 0 || version === pythons.length - 1 ? SIDES : [SIDES[first]];
  return makers.flatMap((maker, at) => victims.map((victim) => ({ maker, victim, first: (first + at) % 2 })));
}

for (const [index, version] of pythons.entries()) {
  Deno.test(`crossing: what one of Deno or CPython ${version.version.join(".")} is killed with, both see`, async () => {
    const before = [childrenOf(), sharedMemory()];
    const wrong: string[] = [];
    {
      await using observer = new Observer(version.path);
      const plays = ROWS.flatMap((row, at) => castsOf(index, at).map((cast) => ({ row, cast })));
      const lane = async () => {
        for (let play = plays.shift(); play !== undefined; play = plays.shift()) {
          await act(play.row, play.cast, observer, version).catch((error) => {
            wrong.push(`${play.row.kind}, ${play.row.state}, ${JSON.stringify(play.cast)}: ${error}`);
          });
        }
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, lane));
    }
    assertEquals(wrong, []);
    assertEquals([childrenOf(), sharedMemory()], before);
  });
}
