// Processes at one end of a pipe each, which send back what they get. Whoever is killed ends its lane by an error that
// says so, also inside of a message; nothing arrives torn, or as the answer to something else.

import { type Connection, wait } from "@parallel/multiprocessing";
import { type Books, Clerk } from "../books.ts";
import { checksum, filled } from "../bytes.ts";
import { Crew } from "../crew.ts";
import type { Random } from "../random.ts";
import type { Stage } from "../stage.ts";
import { started } from "../victims.ts";

const ROW = "Pipe";
/** What the end of a process looks like at the other end of a pipe. */
const ENDS = ["EOFError", "UnexpectedEof", "BrokenPipe", "ConnectionReset"] as const;

/** A message; `answer`: the end of another pipe, by which the answer is to come. */
interface Message {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly answer?: Connection;
}

/** Sends back what comes, until there is a `null`. */
export async function mirror(pipe: Connection, books: Books, seat: number): Promise<void> {
  const clerk = new Clerk(books, seat);
  for (let turn = 0;; turn++) {
    const message = (turn % 2 === 0 ? await pipe.recv() : pipe.recvSync()) as Message | null;
    if (message === null) return;
    const { number, bytes, answer } = message;
    const back = [number, checksum(bytes, 0), bytes];
    if (turn % 3 === 0) await (answer ?? pipe).send(back);
    else (answer ?? pipe).sendSync(back);
    answer?.close();
    clerk.done();
  }
}

export async function pipes(stage: Stage): Promise<void> {
  const { random } = stage;
  const lanes = new Set<Promise<void>>();
  const largest = random.pick([4096, 256 * 1024, 2 ** 20]);
  let ends = 0;
  const seats = random.between(2, 3);
  const crew: Crew = new Crew(stage, [ROW], seats, { most: 100, gap: 200, least: 0 }, (seat) => ({
    name: `mirror ${seat}`,
    kind: "mirror",
    start: (random) => {
      const [here, there] = stage.context.Pipe();
      const victim = started(new stage.context.Process({ target: mirror, args: [there, crew.books, seat] }));
      there.close();
      const lane = talk(stage, here, random, largest).then((isWhole) => void (ends += isWhole ? 0 : 1));
      lanes.add(lane.finally(() => here.close()));
      return victim;
    },
  }));
  await Promise.all([crew.work().then(() => crew.ended()), settled(stage, lanes)]);
  if (ends > crew.kills) stage.violate(`${ends} pipes ended by themselves, ${crew.kills} processes were killed`);
}

/** Waits for all lanes, those too that are begun meanwhile. */
async function settled(stage: Stage, lanes: Set<Promise<void>>): Promise<void> {
  while (!stage.isOver() || lanes.size > 0) {
    const [first] = lanes;
    if (first === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    else await first;
    lanes.delete(first);
  }
}

/** Sends and compares until the stage is over or the other end is gone; whether it came to its end. */
async function talk(stage: Stage, pipe: Connection, random: Random, largest: number): Promise<boolean> {
  try {
    for (let number = 0; !stage.isOver(); number++) {
      const bytes = filled(new Uint8Array(Math.floor(random.next() ** 3 * largest)), 0, number);
      await stage.soon(ask(stage, pipe, { number, bytes }, random.oneIn(8)), "an answer over a pipe");
    }
    await pipe.send(null);
    return true;
  } catch (error) {
    stage.told(ROW, error, ...ENDS);
    return false;
  }
}

/** Sends one message and compares the answer, which may come by a pipe of its own. */
async function ask(stage: Stage, pipe: Connection, message: Message, isApart: boolean): Promise<void> {
  const [here, there] = isApart ? stage.context.Pipe({ duplex: false }) : [pipe, undefined];
  try {
    await pipe.send(there === undefined ? message : { ...message, answer: there });
    there?.close();
    // Whoever dies before it has received the other end never answers: its own pipe says so.
    const [first] = await wait([here, pipe]);
    const [number, sum, bytes] = await first.recv() as [number, number, Uint8Array];
    const wanted = checksum(message.bytes, 0);
    if (number !== message.number || sum !== wanted || checksum(bytes, 0) !== wanted) {
      stage.violate(`message ${message.number} over a pipe is answered as ${number}, or torn`);
    }
  } finally {
    there?.close();
    if (here !== pipe) here.close();
  }
}
