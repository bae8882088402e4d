// Clients that connect to a listener, prove that they know the key, say something and go; some have a wrong key, some are
// killed. The listener goes on; every conversation is whole, or its end is told.

import { type Address, Client, type Connection, Listener, RawArray } from "@parallel/multiprocessing";
import { type Books, Clerk } from "../books.ts";
import { checksum, filled } from "../bytes.ts";
import { Crew } from "../crew.ts";
import { Random } from "../random.ts";
import { HANG, type Stage } from "../stage.ts";
import { started } from "../victims.ts";

/** Milliseconds that a handshake may take: nobody here is slow but by the machine. */
const HANDSHAKE = 10 * HANG;

const ROW = "Client";
const KEY = new TextEncoder().encode("a key of the soak");
const WRONG = new TextEncoder().encode("a wrong one");
/** Of so many clients one has the wrong key. */
const WRONG_EVERY = 10;
/** The most messages of a conversation. */
const MOST = 20;
/** Bytes of the largest message. */
const LARGEST = 64 * 1024;
/** How many connections may wait to be accepted. */
const BACKLOG = 8;
/** How the end of a process looks to a listener. */
const ENDS = ["AuthenticationError", "EOFError", "UnexpectedEof", "BrokenPipe", "ConnectionReset"] as const;

/** Connects and talks, again and again. */
export async function visit(
  address: Address,
  end: Int32Array,
  books: Books,
  seat: number,
  path: string,
): Promise<void> {
  const clerk = new Clerk(books, seat);
  const random = new Random(path);
  while (Atomics.load(end, 0) === 0) {
    if (random.oneIn(WRONG_EVERY)) await intrude(address, clerk);
    else await converse(await Client(address, { authkey: KEY, handshakeTimeout: HANDSHAKE }), random, clerk);
    clerk.done();
  }
}

/** Is refused. */
async function intrude(address: Address, clerk: Clerk): Promise<void> {
  try {
    (await Client(address, { authkey: WRONG, handshakeTimeout: HANDSHAKE })).close();
    clerk.fault("was let in with a wrong key");
  } catch (error) {
    clerk.told(error, "AuthenticationError");
  }
}

/** Says some things and how many they were, and waits for the sum of them. */
async function converse(connection: Connection, random: Random, clerk: Clerk): Promise<void> {
  const count = random.between(1, MOST);
  let sum = 0;
  for (let number = 0; number < count; number++) {
    const bytes = filled(new Uint8Array(Math.floor(random.next() ** 3 * LARGEST)), 0, number);
    sum = (sum + checksum(bytes, 0)) >>> 0;
    if (random.coin()) await connection.send(bytes);
    else connection.sendSync(bytes);
  }
  await connection.send(count);
  const heard = await connection.recv() as [number, number];
  if (heard[0] !== count || heard[1] !== sum) clerk.fault(`said ${count} things, heard of ${heard}`);
  connection.close();
}

export async function clients(stage: Stage): Promise<void> {
  const { random } = stage;
  const end = RawArray("i32", 1);
  const address = random.pick([["127.0.0.1", 0], null, `\0mp-soak-${crypto.randomUUID()}`] as const);
  using listener = new Listener(address, { authkey: KEY, backlog: BACKLOG, handshakeTimeout: HANDSHAKE });
  const seats = random.between(2, 3);
  const crew: Crew = new Crew(stage, [ROW], seats, { most: 20, gap: 200, least: 0 }, (seat) => ({
    name: `client ${seat}`,
    kind: "client",
    start: ({ path }) =>
      started(
        new stage.context.Process({ target: visit, args: [listener.address, end, crew.books, seat, path] }),
      ),
  }));
  const controller = new AbortController();
  const served = serve(stage, listener, controller.signal);
  await Promise.race([crew.work(), served]);
  end[0] = 1;
  await Promise.race([crew.ended(), served]);
  controller.abort();
  await stage.soon(served, "the end of the conversations");
  stage.judgeFaults(crew.books);
}

/** Accepts, and hears all, until it is aborted. */
async function serve(stage: Stage, listener: Listener, signal: AbortSignal): Promise<void> {
  const heard = new Set<Promise<void>>();
  while (!signal.aborted) {
    try {
      const connection = await listener.accept({ signal });
      const hearing = hear(stage, connection).finally(() => heard.delete(hearing));
      heard.add(hearing);
    } catch (error) {
      if (!signal.aborted) stage.told(ROW, error, ...ENDS);
    }
  }
  await Promise.all(heard);
}

/** Hears one client to its end. */
async function hear(stage: Stage, connection: Connection): Promise<void> {
  let [sum, number] = [0, 0];
  try {
    for (;; number++) {
      const said = await connection.recv();
      if (typeof said === "number") break;
      const bytes = said as Uint8Array;
      sum = (sum + checksum(bytes, 0)) >>> 0;
    }
    await connection.send([number, sum]);
  } catch (error) {
    stage.told(ROW, error, ...ENDS);
  } finally {
    connection.close();
  }
}
